import { html } from "../lib.js";
import { taskOf } from "../live.js";
import { Empty, State } from "../components/basics.js";

export default function Task({ params }) {
  const task = taskOf(params.name);
  if (!task) return html`<${Empty}>There is no task named ${params.name}.<//>`;
  return html`<div class="page-head"><h1>${task.name}</h1><${State} state=${task.state} /><span class="muted">${task.reason}</span></div>`;
}
