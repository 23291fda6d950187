// What fires when: a row for each task, with its fires on a common scale.
import { act } from "../../actions.js";
import { Action, Until } from "../basics.js";
import { count } from "../../format.js";
import { Fragment, html, useComputed } from "../../lib.js";
import { now, taskOf } from "../../live.js";
import { href } from "../../router.js";
import { changeWords, dayOf, timeOf, zoneWords } from "../../zones.js";

/** `agenda` as /v1/agenda has it. */
export function Timeline({ agenda }) {
  const { from, until } = agenda;
  return html`<div class="schedule-rows" role="table" aria-label="Scheduled tasks">
    <div class="schedule-row schedule-axis" role="row">
      <span role="columnheader" class="s-name"><span class="muted small">Task</span></span>
      <span role="columnheader" class="s-track"><span class="visually-hidden">Fires</span><${Scale} from=${from} until=${until} /></span>
      <span role="columnheader" class="s-next muted small">Next</span>
      <span role="columnheader" class="s-do"><span class="visually-hidden">Actions</span></span>
    </div>
    <${Marks} agenda=${agenda} />
    ${agenda.tasks.map((task) => html`<${Row} key=${task.name} task=${task} from=${from} until=${until} />`)}
  </div>`;
}

const share = (at, from, until) => `${(((at - from) / (until - from)) * 100).toFixed(3)}%`;

function Scale({ from, until }) {
  return html`<span class="s-scale" aria-hidden="true">
    ${stepsOf(from, until).map((at) => html`<span key=${at} class="s-step" data-early=${(at - from) / (until - from) < 0.07 || undefined} style=${{ left: share(at, from, until) }}>${labelOf(at)}</span>`)}
  </span>`;
}

/** Lines through all rows: the steps of the scale, now, clock changes. */
function Marks({ agenda: { from, until, clock_changes } }) {
  const at = useComputed(() => share(Math.min(Math.max(now.value, from), until), from, until));
  return html`<div class="s-marks" aria-hidden="true">
    ${stepsOf(from, until).map((step) => html`<span key=${step} class="s-line" style=${{ left: share(step, from, until) }}></span>`)}
    ${clock_changes.map((change) => html`<span key=${change.zone + change.at} class="s-line s-change" style=${{ left: share(change.at, from, until) }}></span>`)}
    <span class="s-line s-now" style=${{ left: at.value }}></span>
  </div>`;
}

function Row({ task, from, until }) {
  const live = taskOf(task.name);
  const { name, words, timezone, skipped, queued } = task;
  const enabled = live?.enabled ?? task.enabled;
  const next = live?.next_fire ?? null;
  return html`<div class="schedule-row" role="row" data-schedule=${name} data-paused=${!enabled || undefined}>
    <span role="cell" class="s-name">
      <a href=${href("/task", name)}>${name}</a>
      <span class="sub" title=${task.cron ?? ""}>${words ?? "once"}${timezone !== "local" && html` <span class="nowrap">(${zoneWords(timezone)})</span>`}</span>
      ${(skipped > 0 || queued > 0) && html`<span class="sub warn">${[skipped && `${skipped} skipped`, queued && `${queued} waiting`].filter(Boolean).join(", ")}</span>`}
    </span>
    <span role="cell" class="s-track"><${Fires} task=${task} from=${from} until=${until} enabled=${enabled} /></span>
    <span role="cell" class="s-next">${next ? html`<${Until} at=${next} />` : html`<span class="muted">${enabled ? "no more" : "paused"}</span>`}</span>
    <span role="cell" class="s-do"><${Buttons} name=${name} enabled=${enabled} /></span>
  </div>`;
}

function Buttons({ name, enabled }) {
  const run = () => act("run", [name], { words: `Running ${name}` });
  const turn = () => act(enabled ? "disable" : "enable", [name], { words: `${enabled ? "Pausing" : "Resuming"} ${name}` });
  return html`<${Action} kind="small" onClick=${run} aria-label=${`Run now: ${name}`}>Run now<//>
    <${Action} kind="small quiet" onClick=${turn} aria-label=${`${enabled ? "Pause" : "Resume"} ${name}`}>${enabled ? "Pause" : "Resume"}<//>`;
}

/** Fires as one path: there may be hundreds in a row. */
function Fires({ task: { fires, more }, from, until, enabled }) {
  if (!enabled || !fires.length) return html`<span class="visually-hidden">no fires</span>`;
  const at = (moment) => (((moment - from) / (until - from)) * 1000).toFixed(1);
  const dense = more || fires.length > 150;
  const end = more ? 1000 : at(fires.at(-1).at);
  const path = fires.map((fire) => `M${at(fire.at)} 0V10`).join("");
  const words = `${more ? "more than " : ""}${count(fires.length, "fire")}, the first at ${timeOf(fires[0].at)}`;
  return html`<${Fragment}><svg class="s-fires" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><title>${words}</title>
    ${dense ? html`<rect x=${at(fires[0].at)} y="2.5" width=${end - at(fires[0].at)} height="5" />` : html`<path d=${path} />`}</svg>
    <span class="visually-hidden">${words}</span><//>`;
}

const STEPS = [900, 1800, 3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400];

/** Return the moments that the scale names: full hours here, or days. */
function stepsOf(from, until) {
  const step = STEPS.find((seconds) => (until - from) / seconds <= 9) ?? 86_400;
  const found = [];
  const when = new Date(from * 1000);
  when.setHours(0, 0, 0, 0);
  // By local time, so that a clock change in between does not shift what follows.
  for (let n = 0; when.getTime() / 1000 < until; n++) {
    const at = when.getTime() / 1000;
    if (at > from && (at - from) / (until - from) < 0.97) found.push(at);
    when.setHours(0, 0, (n + 1) * step, 0);
    if (step * (n + 1) >= 86_400) {
      n = -1;
    }
  }
  return found;
}

function labelOf(at) {
  const time = timeOf(at);
  return time === "00:00" ? dayOf(at) : time;
}

/** The clock changes of the window, in words. */
export function Changes({ changes }) {
  if (!changes.length) return null;
  return html`<ul class="schedule-changes" aria-label="Clock changes">
    ${changes.map((change) => html`<li key=${change.zone + change.at}><span class="s-change-mark" aria-hidden="true"></span>
      <span>${dayOf(change.at)}, ${zoneWords(change.zone)}: ${changeWords(change)}</span></li>`)}
  </ul>`;
}
