// A sparkline: the last steps of a figure, its newest value in words beside it.
import { html } from "../lib.js";

const WIDTH = 64;
const HEIGHT = 18;

/** `values` oldest first; `most` is at least what the full height stands for; `steps` fill the width. */
export function Spark({ values, most, steps }) {
  if (values.length < 2) return html`<svg class="spark" width=${WIDTH} height=${HEIGHT} aria-hidden="true"></svg>`;
  const top = Math.max(most, ...values);
  const step = WIDTH / (steps - 1);
  const left = WIDTH - step * (values.length - 1);
  const points = values.map((v, n) => `${(left + n * step).toFixed(1)} ${(HEIGHT - 1 - (v / top) * (HEIGHT - 2)).toFixed(1)}`);
  const line = `M${points.join("L")}`;
  return html`<svg class="spark" width=${WIDTH} height=${HEIGHT} aria-hidden="true">
    <path class="area" d=${`${line}V${HEIGHT}H${left.toFixed(1)}Z`} /><path d=${line} />
  </svg>`;
}
