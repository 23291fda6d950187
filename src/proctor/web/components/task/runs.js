// The runs of a task: bars whose height is the duration and whose colour is how it ended, and a table.
import { get, taskPath } from "../../api.js";
import { duration, moment } from "../../format.js";
import { html, useState } from "../../lib.js";
import { now } from "../../live.js";
import { useResource } from "../../resource.js";
import { exists } from "../../routes.js";
import { href } from "../../router.js";
import { Choice, Empty, Moment, Section } from "../basics.js";

const BARS = 60;
const ROWS = 6;
const LIMITS = [[60, "60"], [200, "200"], [1000, "1000"]];

export function Runs({ task }) {
  const [limit, setLimit] = useState(BARS);
  const [chosen, choose] = useState(null);
  const { data } = useResource(
    `runs ${task.name} ${limit}`,
    (abort) => get(taskPath(task.name, "runs"), { limit }, { signal: abort }),
    (event) => event.task === task.name && event.run !== undefined,
  );
  const runs = data?.runs ?? [];
  const shown = chosen === null ? runs.slice(0, ROWS) : runs.filter((run) => run.run === chosen);
  return html`<${Section} title="Runs" class="task-runs" aside=${html`<${Choice} label="How many runs" options=${LIMITS} value=${limit} onChange=${setLimit} />`}>
    ${data && runs.length === 0 && html`<${Empty}>It has not run yet.<//>`}
    ${runs.length > 0 && html`
      <${Bars} runs=${runs} chosen=${chosen} choose=${choose} />
      <div class="scroll-x"><table class="table">
        <thead><tr><th>Run</th><th class="wide">Replica</th><th>Began</th><th class="number">Took</th><th>Exit</th><th class="wide">By</th><th class="number wide">CPU</th></tr></thead>
        <tbody>${shown.map((run) => html`<${RunRow} key=${run.run} run=${run} task=${task.name} />`)}</tbody>
      </table></div>
      ${chosen !== null && html`<p class="section-foot"><button type="button" class="button small" onClick=${() => choose(null)}>Show the latest</button></p>`}
    `}
  <//>`;
}

const stateOf = (run) => (run.ok === null ? "starting" : run.ok ? "ok" : "bad");
const lasted = (run) => run.duration ?? Math.max(0, now.peek() - run.started);

function Bars({ runs, chosen, choose }) {
  // Square roots, so that a run of a second is seen beside one of an hour.
  const most = Math.sqrt(Math.max(...runs.map(lasted), 0.001));
  return html`<div class="run-bars" aria-hidden="true">
    ${[...runs].reverse().map((run) => html`<span key=${run.run} class="run-bar" data-state=${stateOf(run)} data-chosen=${run.run === chosen || undefined}
      title=${`run ${run.run}, ${run.alias}: ${run.exit?.text ?? "goes on"}, ${duration(lasted(run))} from ${moment(run.started)}`}
      onClick=${() => choose(run.run === chosen ? null : run.run)}>
      <span style=${{ height: `${Math.max(4, (100 * Math.sqrt(lasted(run))) / most).toFixed(1)}%` }}></span></span>`)}
  </div>`;
}

function RunRow({ run, task }) {
  const words = run.exit?.text ?? "goes on";
  const number = exists("/logs") ? html`<a href=${href("/logs", { task, run: run.run })} title="Its output">${run.run}</a>` : run.run;
  return html`<tr>
    <td>${number}</td><td class="nowrap wide">${run.alias}</td><td class="nowrap"><${Moment} at=${run.started} /></td>
    <td class="number nowrap">${run.duration === null ? "" : duration(run.duration)}</td>
    <td><span class="exit" data-state=${stateOf(run)}>${words}</span></td>
    <td class="muted wide">${run.trigger}${run.attempt > 1 ? `, ${run.attempt}th in a row` : ""}</td>
    <td class="number nowrap muted wide">${run.exit?.cpu ? duration(run.exit.cpu) : ""}</td>
  </tr>`;
}
