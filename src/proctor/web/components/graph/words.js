// What the graph says, in words: about one task, about all that waits, and as text for all of it.
import { html } from "../../lib.js";
import { taskOf, tasks } from "../../live.js";
import { exists } from "../../routes.js";
import { href } from "../../router.js";
import { Empty, Section, State } from "../basics.js";
import { seconds } from "./view.js";

const UNTIL = { settled: "is up or at rest", started: "has started", ready: "is ready", completed: "has ended", completed_ok: "has ended well", log_line: "has written a line" };

/** `why` begins with the name of what is waited for: "db is not ready". */
const reason = ({ needs, why }) => (why.startsWith(`${needs} `) ? why.slice(needs.length + 1) : why);

/** Beside the drawing: about the task that is chosen, or about all. */
export function Aside({ graph, selected, onSelect }) {
  return html`<div class="graph-side" aria-live="polite">
    ${selected ? html`<${About} name=${selected} edges=${graph.edges} chain=${graph.critical_chain} onSelect=${onSelect} />` : html`<${Waiting} onSelect=${onSelect} />`}
    <${Chain} chain=${graph.critical_chain} onSelect=${onSelect} />
  </div>`;
}

function About({ name, edges, chain, onSelect }) {
  const task = taskOf(name);
  const needs = edges.filter((edge) => edge.task === name);
  const needed = edges.filter((edge) => edge.needs === name);
  const link = chain.find((one) => one.task === name);
  const close = html`<button type="button" class="icon-button" aria-label="Show all" onClick=${() => onSelect("")}>✕</button>`;
  return html`<${Section} title=${name} aside=${close} class="graph-about">
    <div class="graph-facts">
      ${task ? html`<${State} state=${task.state} />` : html`<span class="muted">There is no task of this name.</span>`}
      ${task?.reason && task.reason !== task.state && html`<p>${task.reason}</p>`}
      ${link && html`<p class="muted">On the critical chain: waited ${seconds(link.waited)}, then took ${seconds(link.took)}.</p>`}
      ${task && html`<div class="graph-open"><a class="button small" href=${href("/task", name)}>Open the task</a>${exists("/logs") && html` <a class="button small quiet" href=${href("/logs", { task: name })}>Log</a>`}</div>`}
    </div>
    ${needs.length > 0 && html`<h3 class="list-head">Waits for</h3><ul class="near">${needs.map((edge) => html`<li key=${edge.needs}><span><${Pick} name=${edge.needs} onSelect=${onSelect} />${" "}
      <span class=${edge.why ? "warn" : "muted"}>${edge.why ? reason(edge) : UNTIL[edge.until]}${!edge.required && " (if it can)"}</span></span>
      <span class="graph-met" data-state=${edge.why ? "backoff" : "ok"}>${edge.why ? "not yet" : "yes"}</span></li>`)}</ul>`}
    ${needed.length > 0 && html`<h3 class="list-head">Needed by</h3><ul class="near">${needed.map((edge) => html`<li key=${edge.task}><span><${Pick} name=${edge.task} onSelect=${onSelect} />${" "}
      <span class="muted">until it ${UNTIL[edge.until]}</span></span><span class="graph-met" data-state=${edge.why ? "backoff" : "ok"}>${edge.why ? heldWord(edge.task) : "free"}</span></li>`)}</ul>`}
  <//>`;
}

/** What an unmet condition is for the task: one that is stopped is not held up by it now. */
const heldWord = (name) => (["waiting", "blocked"].includes(taskOf(name)?.state) ? "held up" : "would wait");

const Pick = ({ name, onSelect }) => html`<button type="button" class="graph-pick" onClick=${() => onSelect(name)}>${name}</button>`;

/** All that is held up, and by what. */
function Waiting({ onSelect }) {
  const held = tasks.value.filter((task) => ["waiting", "blocked"].includes(task.state));
  return html`<${Section} title="What holds up what">
    ${held.length === 0 && html`<${Empty}>Nothing waits for anything.<//>`}
    ${held.length > 0 && html`<ul class="near">${held.map((task) => html`<li key=${task.name}><span><${Pick} name=${task.name} onSelect=${onSelect} /> <span class="muted">${task.reason}</span></span><${State} state=${task.state} /></li>`)}</ul>`}
  <//>`;
}

/** The chain that made the last start take so long, with the time each link took. */
function Chain({ chain, onSelect }) {
  if (chain.length < 2) return null;
  const links = [...chain].reverse();
  const begin = Math.min(...links.map((link) => link.at - link.took));
  const end = Math.max(...links.map((link) => link.at));
  const all = Math.max(end - begin, 0.001);
  const share = (s) => `${Math.max(0, (100 * s) / all).toFixed(2)}%`;
  return html`<${Section} title="Critical chain" aside=${html`<span class="muted small">${seconds(all)}</span>`} class="graph-chain">
    <p class="muted small graph-chain-about">What made the last start take so long, the first one on top.</p>
    <ol>${links.map((link) => html`<li key=${link.task}><${Pick} name=${link.task} onSelect=${onSelect} />
      <span class="chain-bar" aria-hidden="true"><span style=${{ left: share(link.at - link.took - begin), width: share(link.took) }}></span></span>
      <span class="small nowrap" title=${`waited ${seconds(link.waited)}`}>${seconds(link.took)}</span></li>`)}</ol>
  <//>`;
}

/** All of the graph as text. */
export function AsText({ graph }) {
  const needs = new Map();
  for (const edge of graph.edges) needs.set(edge.task, [...(needs.get(edge.task) ?? []), edge]);
  return html`<details class="section graph-text"><summary><h2>As text</h2></summary>
    <ul>${[...needs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, edges]) => html`<li key=${name}><a href=${href("/task", name)}>${name}</a> <${StateOf} name=${name} /> waits for${" "}
      <ul>${edges.map((edge) => html`<li key=${edge.needs}><a href=${href("/task", edge.needs)}>${edge.needs}</a>, until it ${UNTIL[edge.until]}: ${edge.why ? html`<strong class="warn">${reason(edge)}</strong>` : "yes"}${!edge.required && ", if it can"}</li>`)}</ul></li>`)}</ul>
  </details>`;
}

const StateOf = ({ name }) => html`<span class="muted">(${taskOf(name)?.state ?? "does not exist"})</span>`;

/** Tasks that neither wait for any nor are waited for. */
export function Loose({ names }) {
  if (!names.length) return null;
  return html`<${Section} title="Without dependencies" aside=${html`<span class="muted small">${names.length}</span>`} class="graph-loose">
    <ul>${names.map((name) => html`<li key=${name}><${LooseOne} name=${name} /></li>`)}</ul>
  <//>`;
}

function LooseOne({ name }) {
  const state = taskOf(name)?.state ?? "removing";
  return html`<a href=${href("/task", name)} data-state=${state} title=${state}><span class="dot" aria-hidden="true"></span>${name}<span class="visually-hidden">, ${state}</span></a>`;
}
