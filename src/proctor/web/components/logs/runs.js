// Which run of the task: begin, end and exit of each, the newest first.
import { get, taskPath } from "../../api.js";
import { moment } from "../../format.js";
import { html } from "../../lib.js";
import { useResource } from "../../resource.js";

const MOST = 200;

export function RunChoice({ selector, run, onChange }) {
  const [task, index] = selector.split(":", 2);
  const { data } = useResource(
    `runs ${selector}`,
    (abort) => get(taskPath(task, "runs"), { limit: MOST, replica: index }, { signal: abort }),
    (event) => event.task === task && event.run !== undefined,
  );
  const runs = data?.runs ?? [];
  const several = new Set(runs.map((one) => one.alias)).size > 1;
  const known = !run || runs.some((one) => String(one.run) === run);
  return html`<select class="select logs-run" aria-label="Run" value=${run} onChange=${(event) => onChange(event.target.value)}>
    <option value="" selected=${!run}>All runs</option>
    ${!known && html`<option value=${run} selected>run ${run}</option>`}
    ${runs.map((one) => html`<option key=${one.run} value=${one.run} selected=${String(one.run) === run}>${words(one, several)}</option>`)}
  </select>`;
}

function words(run, several) {
  const where = several ? ` ${run.alias}` : "";
  const end = run.ended ? ` – ${moment(run.ended)}` : "";
  return `run ${run.run}${where} · ${moment(run.started)}${end} · ${run.exit?.text ?? "goes on"}`;
}
