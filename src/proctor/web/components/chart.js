// Line charts by uPlot, which is loaded with the first of them.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib.js";

const HEIGHT = 150;
let library = null;

function load() {
  library ??= import("../vendor/uplot/uplot.js").then((module) => module.default);
  return library;
}

/** A chart of lines over time.  `table` is [times, values, ...]; `series` [{label}], in that order.
 *
 * `least` is what the axis shows at least; `format(value)` writes a value.  Drag to choose a range; `onRange(from, to)` hears of it, null: all.
 */
export function Chart({ label, table, series, least, format, range, onRange, sync }) {
  const box = useRef(null);
  const plot = useRef(null);
  const [UPlot, setUPlot] = useState(null);
  const theme = useTheme();
  const names = series.map((one) => one.label).join("\n");
  useEffect(() => {
    load().then((found) => setUPlot(() => found));
  }, []);

  useLayoutEffect(() => {
    if (!UPlot) return undefined;
    const chosen = (min, max) => onRange(min, max);
    plot.current = new UPlot(options(UPlot, { series, least, format, sync, chosen, width: box.current.clientWidth }), table, box.current);
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width > 0 && width !== plot.current.width) plot.current.setSize({ width, height: HEIGHT });
    });
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [UPlot, names, theme]);

  useLayoutEffect(() => {
    if (!plot.current) return;
    plot.current.setData(table, false);
    const [min, max] = range ?? [table[0][0], table[0].at(-1)];
    if (min < max) plot.current.setScale("x", { min, max });
  }, [table, range, UPlot, names, theme]);

  return html`<div class="chart" role="img" aria-label=${label} ref=${box}></div>`;
}

/** Changes whenever the colours do. */
function useTheme() {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const turn = () => setVersion((n) => n + 1);
    const media = window.matchMedia("(prefers-color-scheme: dark)");
    media.addEventListener("change", turn);
    const observer = new MutationObserver(turn);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      media.removeEventListener("change", turn);
      observer.disconnect();
    };
  }, []);
  return version;
}

function options(UPlot, { series, least, format, sync, chosen, width }) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const font = `12px ${style.getPropertyValue("--font")}`;
  const axis = { stroke: colour("--muted"), font, ticks: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  return {
    width,
    height: HEIGHT,
    padding: [8, 28, 0, 0], // Half of the last time on the axis.
    legend: { show: false },
    cursor: { sync: { key: sync }, points: { size: 6 }, drag: { x: true, y: false, setScale: false } },
    scales: { y: { range: (plot, min, max) => [0, Math.max((max ?? 0) * 1.15, least)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, values: (plot, ticks) => ticks.map(clock) },
      { ...axis, grid, size: 64, space: 36, values: (plot, ticks) => ticks.map(format) },
    ],
    series: [
      {},
      ...series.map(({ label }, n) => ({
        label,
        stroke: colour(`--series-${(n % 6) + 1}`),
        width: 1.5,
        points: { show: false },
      })),
    ],
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select;
          if (wide < 5) return;
          chosen(plot.posToVal(left, "x"), plot.posToVal(left + wide, "x"));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const SECONDS = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const clock = (at) => (at % 60 ? SECONDS : TIME).format(new Date(at * 1000));
