// All about one task: what it does and why, what it did, and what can be done with it.
import { get, taskPath } from "../api.js";
import { Actions } from "../components/task/actions.js";
import { About, Checks, Dependencies, Environment, Spec } from "../components/task/about.js";
import { Failure, Section, State } from "../components/basics.js";
import { LastLines } from "../components/task/lastlines.js";
import { Replicas } from "../components/task/replicas.js";
import { Runs } from "../components/task/runs.js";
import { Timeline } from "../components/task/timeline.js";
import { UsageCharts } from "../components/task/usagecharts.js";
import { useKeys } from "../keys.js";
import { html } from "../lib.js";
import { taskOf } from "../live.js";
import { useResource } from "../resource.js";
import { exists } from "../routes.js";
import { go, href } from "../router.js";

/** Another task is another page: nothing of the one before may stay. */
export default function Page({ params }) {
  return html`<${Task} key=${params.name} name=${params.name} />`;
}

function Task({ name }) {
  const summary = taskOf(name);
  const near = new Set([name, ...(summary?.deps ?? [])]);
  const { data, error, reload } = useResource(
    name,
    (abort) => get(taskPath(name), {}, { signal: abort }),
    (event) => near.has(event.task),
  );
  useKeys([
    { keys: ["u"], label: "Back to the overview", run: () => go("#/") },
    ...(exists("/logs") ? [{ keys: ["l"], label: "Its logs", run: () => go(href("/logs", { task: name })) }] : []),
  ]);
  if (error?.status === 404) return html`<${Gone} name=${name} />`;
  if (error && !data) return html`<${Failure} error=${error} retry=${reload} />`;
  if (!data) return html`<div class="loading" role="status" aria-label="Loading"></div>`;
  return html`<div class="task-page">
    <${Head} task=${data} />
    <div class="task-columns">
      <div class="task-main">
        <${Replicas} task=${data} />
        <${UsageCharts} task=${data} />
        <${Timeline} task=${data} />
        <${Runs} task=${data} />
        <${LastLines} name=${name} />
      </div>
      <div class="task-side">
        <${About} task=${data} />
        <${Dependencies} task=${data} />
        <${Checks} task=${data} reload=${reload} />
        <${Environment} spec=${data.spec} />
        <${Spec} task=${data} />
      </div>
    </div>
  </div>`;
}

const Gone = ({ name }) => html`<${Section} title=${name}>
  <p class="empty">There is no such task, or no more. <a href="#/">Go to the overview</a></p>
<//>`;

function Head({ task }) {
  const { spec } = task;
  return html`<header class="task-head">
    <nav class="crumbs small" aria-label="Where this is"><a href="#/">Tasks</a><span aria-hidden="true">/</span>
      <a href=${href("/", { filter: `ns:${spec.namespace ?? "default"}` })}>${spec.namespace ?? "default"}</a></nav>
    <div class="task-title"><h1>${task.name}</h1><${State} state=${task.state} /></div>
    ${spec.description && html`<p class="muted">${spec.description}</p>`}
    <${Why} task=${task} />
    <${Actions} task=${task} />
  </header>`;
}

/** Why it is in its state: aloud, because it is what one came for. */
function Why({ task }) {
  const reasons = task.blockers.length ? task.blockers : [task.reason].filter((text) => text && text !== task.state);
  if (!reasons.length) return null;
  return html`<ul class="why" data-state=${task.state} role="status">${reasons.map((text) => html`<li key=${text}>${text}</li>`)}</ul>`;
}
