// What fires when in the next hours, across all tasks.
import { get } from "../api.js";
import { Choice, Empty, Failure, Section } from "../components/basics.js";
import { Coming, Missed } from "../components/schedule/lists.js";
import { Changes, Timeline } from "../components/schedule/timeline.js";
import { count } from "../format.js";
import { html, useComputed, useRef } from "../lib.js";
import { useLater } from "../later.js";
import { now, tasks } from "../live.js";
import { useResource } from "../resource.js";
import { exists } from "../routes.js";
import { setQuery } from "../router.js";
import { HERE, zoneWords } from "../zones.js";

const SPANS = [["6", "6 h"], ["24", "24 h"], ["168", "7 d"]];
const CHANGED = new Set(["task.created", "task.updated", "task.removed"]);
const COUNTED = new Set(["schedule.skipped", "schedule.queued", "schedule.missed"]);
const PAUSE = 2000; // What fires every second may be skipped every second.

export default function Schedule({ query }) {
  const hours = SPANS.some(([value]) => value === query.get("hours")) ? query.get("hours") : "24";
  const task = query.get("task") ?? "";
  // The window moves on when a twelfth of it is over; what fires next counts down by itself.
  const step = useComputed(() => Math.floor(now.value / (Number(hours) * 300)));
  const switched = useComputed(() => tasks.value.filter((one) => !one.enabled).map((one) => one.name).join(" "));
  const { data, error, reload } = useResource(
    `${hours} ${task} ${step.value} ${switched.value}`,
    (abort) => agendaOf(hours, task, abort),
    (event) => CHANGED.has(event.kind),
  );
  useLater(reload, (event) => COUNTED.has(event.kind), PAUSE);
  const agenda = useLast(data, `${hours} ${task}`);
  return html`<div class="schedule">
    <div class="page-head">
      <h1>Schedule</h1>
      ${task && html`<span class="chip">${task}<button type="button" class="chip-close" aria-label="Show all tasks" onClick=${() => setQuery({ task: "" })}>✕</button></span>`}
      <span class="spacer"></span>
      <span class="muted small schedule-zone">Times are ${zoneWords(HERE)}</span>
      <${Choice} label="How far to look ahead" options=${SPANS} value=${hours} onChange=${(value) => setQuery({ hours: value })} />
    </div>
    ${error && !agenda && html`<${Failure} error=${error} retry=${reload} />`}
    ${!agenda && !error && html`<div class="loading" role="status" aria-label="Loading"></div>`}
    ${agenda && html`<${Body} agenda=${agenda} task=${task} paused=${new Set(switched.value.split(" "))} />`}
  </div>`;
}

function Body({ agenda, task, paused }) {
  if (!agenda.tasks.length) {
    return html`<div class="section"><${Empty}>${task ? `${task} has no schedule.` : "No task has a schedule."}
      ${exists("/new") && html` <a href="#/new?type=cron">New scheduled task</a>`}<//></div>`;
  }
  const title = count(agenda.tasks.length, "scheduled task");
  return html`
    <${Section} title=${title} class="schedule-timeline">
      <${Changes} changes=${agenda.clock_changes} />
      <${Timeline} agenda=${agenda} />
    <//>
    <div class="schedule-columns">
      <${Coming} agenda=${agenda} paused=${paused} />
      <${Missed} task=${task} />
    </div>`;
}

/** Return the data, or what there was before while the next is on its way. */
function useLast(data, key) {
  const last = useRef(null);
  if (data) last.current = { key, data };
  return data ?? (last.current?.key === key ? last.current.data : null);
}

async function agendaOf(hours, task, abort) {
  const query = { hours, task, limit: 300 };
  let agenda;
  try {
    agenda = await get("/v1/agenda", { ...query, tz: HERE }, { signal: abort });
  } catch (error) {
    if (error.field !== "tz") throw error;
    agenda = await get("/v1/agenda", query, { signal: abort }); // The service does not know it.
  }
  agenda.tasks.sort((a, b) => (a.next_fire ?? Infinity) - (b.next_fire ?? Infinity) || (a.name < b.name ? -1 : 1));
  agenda.clock_changes = distinct(agenda.clock_changes);
  return agenda;
}

/** Zones that change together at the same moment need not be told apart: one line says all. */
function distinct(changes) {
  const found = new Map();
  for (const change of changes) {
    const key = `${change.at} ${change.before} ${change.after}`;
    const same = found.get(key);
    if (!same) found.set(key, change);
    else if (same.zone === "local") found.set(key, change);
  }
  return [...found.values()].sort((a, b) => a.at - b.at);
}
