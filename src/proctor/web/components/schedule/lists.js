// The fires to come in their order, and what came of those that did not run.
import { get } from "../../api.js";
import { Empty, Moment, Section, Until } from "../basics.js";
import { eventWords } from "../../eventwords.js";
import { html, useComputed } from "../../lib.js";
import { now } from "../../live.js";
import { useResource } from "../../resource.js";
import { exists } from "../../routes.js";
import { href } from "../../router.js";
import { changeWords, clockIn, dayOf, offsetIn, sameClock, timeOf, zoneWords } from "../../zones.js";

const MOST = 40;
const EACH = 4; // Of what fires every minute one need not see more.

/** The next fires of all tasks together, clock changes among them. */
export function Coming({ agenda, paused }) {
  const first = useComputed(() => {
    const at = now.value;
    return agenda.tasks.reduce((least, { fires }) => {
      const next = fires.find((fire) => fire.at > at)?.at ?? Infinity;
      return Math.min(least, next);
    }, Infinity);
  });
  const rows = rowsOf(agenda, first.value, paused);
  return html`<${Section} title="Coming" class="schedule-coming">
    ${rows.length === 0 && html`<${Empty}>Nothing fires in this time.<//>`}
    <ol>
      ${rows.map((row, n) => html`${dayOf(row.at) !== (n ? dayOf(rows[n - 1].at) : dayOf(Date.now() / 1000)) && html`<li key=${`day ${row.at}`} class="coming-day">${dayOf(row.at)}</li>`}
        ${row.change ? html`<li key=${row.key} class="coming-change">${zoneWords(row.change.zone)}: ${changeWords(row.change)}</li>` : html`<${Fire} key=${row.key} row=${row} />`}`)}
    </ol>
  <//>`;
}

function Fire({ row: { at, name, local, zone, rest } }) {
  const other = !sameClock(at, local);
  return html`<li class="coming-fire">
    <span class="coming-time">${timeOf(at)}</span>
    <span class="coming-name"><a href=${href("/task", name)}>${name}</a>
      ${other && html`<span class="muted small">${clockIn(local)} ${zone === "local" ? `at the service (${offsetIn(local)})` : zoneWords(zone)}</span>`}
      ${rest && html`<span class="muted small">and so on</span>`}</span>
    <span class="muted small"><${Until} at=${at} /></span>
  </li>`;
}

/** Return the next fires, and the clock changes before the last of them. */
function rowsOf(agenda, first, paused) {
  const fires = agenda.tasks
    .filter(({ name }) => !paused.has(name))
    .flatMap(({ name, timezone, fires: all }) =>
      nextOf(all, first).map(({ at, local, rest }) => ({ key: `${name} ${at}`, at, name, local, rest, zone: timezone })))
    .sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1))
    .slice(0, MOST);
  const last = fires.length < MOST ? agenda.until : fires.at(-1).at;
  const changes = agenda.clock_changes
    .filter(({ at }) => at >= first && at <= last)
    .map((change) => ({ key: `${change.zone} ${change.at}`, at: change.at, change }));
  return [...changes, ...fires].sort((a, b) => a.at - b.at);
}

function nextOf(fires, first) {
  const next = fires.filter((fire) => fire.at >= first);
  const shown = next.slice(0, EACH);
  return shown.map((fire, n) => ({ ...fire, rest: n === EACH - 1 && next.length > EACH }));
}

const KINDS = "schedule.skipped,schedule.queued,schedule.missed";

/** Fires that were skipped, put off or missed, the latest first. */
export function Missed({ task }) {
  const { data } = useResource(
    `missed ${task}`,
    (abort) => get("/v1/history", { kind: KINDS, task, limit: 12 }, { signal: abort }),
    (event) => KINDS.includes(event.kind),
  );
  const all = exists("/events") && html`<a class="small" href=${href("/events", { kind: "schedule", task })}>All events</a>`;
  return html`<${Section} title="Skipped and missed" aside=${all} class="schedule-missed">
    ${data?.events.length === 0 && html`<${Empty}>Every fire has had its run.<//>`}
    <ol class="near">${(data?.events ?? []).map((event) => html`<${Miss} key=${event.id} event=${event} />`)}</ol>
  <//>`;
}

function Miss({ event }) {
  const { what, why } = eventWords(event);
  return html`<li><span><a href=${href("/task", event.task)}>${event.task}</a> ${what}${why && html`<span class="muted">: ${why}</span>`}</span>
    <span class="muted small nowrap"><${Moment} at=${event.at} /></span></li>`;
}
