// A task in the list: rendered when its summary, its selection or its use of resources changes.
import { bytes, percent } from "../format.js";
import { Since, State, Until } from "./basics.js";
import { Spark } from "./spark.js";
import { html, useComputed } from "../lib.js";
import { signalOf } from "../live.js";
import { go, href } from "../router.js";
import { NOTHING, STEPS } from "../usage.js";

const MIB = 1 << 20;

export function Row({ name, usage, selected }) {
  const task = signalOf(name)?.value;
  if (!task) return null;
  const open = (event) => {
    if (event.target.closest("a, label, input, button") || window.getSelection()?.toString()) return;
    go(href("/task", name));
  };
  return html`<div class="task-row" role="row" tabindex="-1" data-task=${name} onClick=${open}>
    <span role="cell" class="c-select"><${Select} name=${name} selected=${selected} /></span>
    <span role="cell" class="c-name">
      <a href=${href("/task", name)}>${name}</a>
      <span class="sub clip">${about(task)}</span>
    </span>
    <span role="cell" class="c-state"><${State} state=${task.state} />${why(task)}</span>
    <span class="figures" role="presentation">
      <span role="cell" class="c-replicas" title=${`${task.ready} ready, ${task.alive} alive, ${task.replicas} wanted`}>${ready(task)}</span>
      <span role="cell" class="c-uptime">${task.started ? html`<${Since} at=${task.started} />` : ""}</span>
      <span role="cell" class="c-restarts">${restarts(task)}</span>
      <${Usage} usage=${usage} alive=${task.alive > 0} />
      <span role="cell" class="c-next">${next(task)}</span>
    </span>
  </div>`;
}

const about = (task) => [task.type, task.namespace !== "default" && task.namespace].filter(Boolean).join(" · ");

function why({ state, reason }) {
  return reason && reason !== state ? html`<span class="sub clip" title=${reason}>${reason}</span>` : null;
}

/** A cron task between two fires has nothing that could be ready. */
function ready(task) {
  const idle = !task.alive && ["scheduled", "completed", "disabled", "stopped"].includes(task.state);
  if (idle) return html`<span class="muted">0/${task.replicas}</span>`;
  return `${task.ready}/${task.replicas}`;
}

function restarts(task) {
  if (!task.restarts && !task.restarts_total) return "";
  // A restart in a row that is still to come is not yet one of all.
  const all = Math.max(task.restarts, task.restarts_total);
  const title = `${task.restarts} in a row, ${all} since the service started`;
  return html`<span title=${title} class=${task.restarts ? "warn" : "muted"}>${task.restarts} / ${all}</span>`;
}

function next(task) {
  const exit = task.last_exit;
  const good = exit?.code === 0 || task.state === "stopped";
  const told = exit && exit.text === task.reason; // Where there is little room once is enough.
  const how = exit && html`<span class=${`sub ${told ? "told" : ""}`} data-state=${good ? "ok" : "bad"} title=${exit.text}>${exit.text}</span>`;
  return html`${task.next_fire && html`<${Until} at=${task.next_fire} />`}${how}`;
}

function Select({ name, selected }) {
  const chosen = useComputed(() => selected.names.value.has(name));
  return html`<label class="check"><input type="checkbox" checked=${chosen.value} aria-label=${`Select ${name}`}
    onChange=${(event) => selected.turn(name, event.target.checked)} /></label>`;
}

/** The last figures of what has just ended are those of nothing. */
function Usage({ usage, alive }) {
  const { cpu, rss } = alive ? usage.value : NOTHING;
  return html`
    <span role="cell" class="c-cpu">${cpu.length > 0 && html`<span class="figure">${percent(cpu.at(-1))}</span><${Spark} values=${cpu} most=${0.1} steps=${STEPS} />`}</span>
    <span role="cell" class="c-memory">${rss.length > 0 && html`<span class="figure">${bytes(rss.at(-1))}</span><${Spark} values=${rss} most=${8 * MIB} steps=${STEPS} />`}</span>
  `;
}
