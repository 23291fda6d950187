// CPU and memory of a task over time, each replica a line; a range is chosen by dragging.
import { get, taskPath } from "../../api.js";
import { bytes, percent } from "../../format.js";
import { html, useEffect, useMemo, useRef, useState } from "../../lib.js";
import { followUsage } from "../../usage.js";
import { Chart } from "../chart.js";
import { Choice, Empty, Section } from "../basics.js";

const RANGES = [["10m", "10 min"], ["24h", "24 h"]];
const STEPS = 300;
const LINES = 6; // With more replicas it is their sum.

export function UsageCharts({ task }) {
  const [span, setSpan] = useState("10m");
  const [range, setRange] = useState(null);
  const rows = useRows(task.name, span);
  const aliases = useMemo(() => aliasesOf(rows), [rows]);
  const together = aliases.length > LINES;
  const names = together ? [`all ${aliases.length}`] : aliases;
  const series = names.map((label) => ({ label }));
  const [cpu, memory] = useMemo(() => tables(withGaps(rows, span === "10m" ? 10 : 200), together ? null : aliases), [rows, span, aliases.join()]);
  const chooseSpan = (value) => {
    setSpan(value);
    setRange(null);
  };
  if (task.spec.type === "melang" || task.spec.type === "python") return null;
  const runs = task.replicas.some((one) => one.pid !== null);
  const last = runs ? (rows.at(-1)?.replicas ?? {}) : {};
  const choose = (min, max) => setRange([min, max]);
  const aside = html`<span class="chart-tools">
    ${range && html`<button type="button" class="button small" onClick=${() => setRange(null)}>Whole range</button>`}
    <${Choice} label="Range of the charts" options=${RANGES} value=${span} onChange=${chooseSpan} />
  </span>`;
  const shared = { series, range, onRange: choose, sync: "usage" };
  return html`<${Section} title="Use of resources" aside=${aside}>
    ${rows.length < 2 || aliases.length === 0
      ? html`<${Empty}>${runs ? "The first figures come in a few seconds." : "Nothing of it runs."}<//>`
      : html`<div class="charts">
          <figure><figcaption>CPU <strong>${runs && percent(sum(last, 0))}</strong></figcaption>
            <${Chart} label="CPU over time" table=${cpu} format=${percent} least=${0.05} ...${shared} /></figure>
          <figure><figcaption>Memory <strong>${runs && bytes(sum(last, 1))}</strong></figcaption>
            <${Chart} label="Memory over time" table=${memory} format=${bytes} least=${1 << 20} ...${shared} /></figure>
        </div>
        ${names.length > 1 && html`<ul class="legend">${names.map((name, n) => html`<li key=${name} data-series=${n + 1}>${name}</li>`)}</ul>`}`}
  <//>`;
}

const sum = (replicas, which) => Object.values(replicas).reduce((all, one) => all + one[which], 0);

/** Return the steps of the span, the oldest first, [{at, replicas: {alias: [cpu, rss]}}]; live. */
function useRows(name, span) {
  const [rows, setRows] = useState([]);
  const kept = useRef([]);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    kept.current = [];
    setRows([]);
    const show = () => {
      timer = 0;
      setRows(kept.current);
    };
    const add = (step) => {
      const since = step.at - (span === "10m" ? 2 * STEPS : 86_400);
      kept.current = [...kept.current.filter((row) => row.at >= since && row.at < step.at), { at: step.at, replicas: step.replicas ?? {} }];
      timer ||= setTimeout(show, 50);
    };
    const begin = async () => {
      kept.current = span === "10m" ? [] : await past(name, span, abort.signal).catch(() => []);
      show();
    };
    const end = followUsage({ task: name, history: span === "10m" ? STEPS : 0 }, begin, add);
    return () => {
      abort.abort();
      clearTimeout(timer);
      end();
    };
  }, [name, span]);
  return rows;
}

async function past(name, range, abort) {
  const { replicas } = await get(taskPath(name, "metrics"), { range }, { signal: abort });
  const rows = new Map();
  for (const { alias, points } of replicas) {
    for (const { at, cpu, rss } of points) {
      if (!rows.has(at)) rows.set(at, { at, replicas: {} });
      rows.get(at).replicas[alias] = [cpu, rss];
    }
  }
  return [...rows.values()].sort((a, b) => a.at - b.at);
}

function aliasesOf(rows) {
  const found = new Set(rows.flatMap((row) => Object.keys(row.replicas)));
  return [...found].sort((a, b) => Number(a.split(":")[1]) - Number(b.split(":")[1]));
}

/** Put a row of nothing where there are no figures for longer than `most` seconds: nothing ran. */
function withGaps(rows, most) {
  return rows.flatMap((row, n) => {
    const before = rows[n - 1];
    return before && row.at - before.at > most ? [{ at: before.at + 1, replicas: {} }, row] : [row];
  });
}

/** Return the tables of CPU and of memory; `aliases` null: of all together. */
function tables(rows, aliases) {
  const times = rows.map((row) => row.at);
  const of = (which) =>
    aliases === null
      ? [rows.map((row) => sum(row.replicas, which))]
      : aliases.map((alias) => rows.map((row) => row.replicas[alias]?.[which] ?? null));
  return [[times, ...of(0)], [times, ...of(1)]];
}
