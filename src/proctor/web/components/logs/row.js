// One line of the logs.
import { fullMoment } from "../../format.js";
import { html } from "../../lib.js";
import { level, marked, matches, pieces } from "./text.js";

const SERIES = 6;
const pad = (n, digits = 2) => String(n).padStart(digits, "0");

/** A time as lines begin with it: "14:03:22.120"; `dated`: "11-24 14:03:22.120". */
export function clock(at, dated = false) {
  const when = new Date(at * 1000);
  const day = dated ? `${pad(when.getMonth() + 1)}-${pad(when.getDate())} ` : "";
  return `${day}${pad(when.getHours())}:${pad(when.getMinutes())}:${pad(when.getSeconds())}.${pad(when.getMilliseconds(), 3)}`;
}

export const labelOf = (line) => `${line.task}:${line.replica}`;

/** `number`: of the line in the window; `color`: of its replica; `times`: "", "clock" or
 * "day"; `current`: it is what was found. */
export function Row({ line, number, color = 0, times, named, pattern, current }) {
  return html`<div class="logs-row" data-number=${number} data-marker=${line.marker ? markerKind(line.marker) : undefined}
    data-level=${level(line) || undefined} data-stream=${line.stream ?? "out"} data-current=${current || undefined}>
    ${times && html`<span class="logs-time" title=${fullMoment(line.time)}>${clock(line.time, times === "day")}</span>`}
    ${named && html`<span class="logs-name" data-series=${(color % SERIES) + 1} title=${labelOf(line)}>${labelOf(line)}</span>`}
    <span class="logs-text">${line.marker ? html`<${Marker} line=${line} />` : html`<${Text} line=${line} pattern=${pattern} />`}</span>
  </div>`;
}

function markerKind(text) {
  if (text.startsWith("started")) return "begin";
  return /^exited 0 /.test(text) ? "end" : "bad";
}

const Marker = ({ line }) => html`<span class="logs-marker">run ${line.run} ${line.marker}</span>`;

function Text({ line, pattern }) {
  const sought = pattern && matches(line, pattern) ? pattern : null;
  const parts = marked(pieces(line), sought);
  const { more = 0 } = line;
  return html`${parts.length ? parts.map(piece) : html`<br />`}${more > 0 && html`<span class="logs-more">${` … ${more} more characters`}</span>`}`;
}

function piece({ text, names, style, match }) {
  const content = match ? html`<mark>${text}</mark>` : text;
  return names || (style && Object.keys(style).length) ? html`<span class=${names} style=${style}>${content}</span>` : content;
}
