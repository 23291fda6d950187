// Every task on one page, live.  A change renders its row only; the list of rows is made anew only
// when another task fits the filter or stands elsewhere.
import { act } from "../actions.js";
import { Action, Empty } from "../components/basics.js";
import { Row } from "../components/taskrow.js";
import { ask } from "../components/dialog.js";
import { count } from "../format.js";
import { useKeys } from "../keys.js";
import { html, signal, useComputed, useEffect, useMemo, useRef } from "../lib.js";
import { loaded, names, tasks } from "../live.js";
import { exists } from "../routes.js";
import { go, href, location, setQuery } from "../router.js";
import { STATES, fits, groupNames, groupsOf, parseFilter, sorted } from "../taskfilter.js";
import { useUsages } from "../usage.js";

export default function Overview() {
  const usages = useUsages();
  const selected = useMemo(() => new Selection(), []);
  const filter = useComputed(() => location.value.query.get("filter") ?? "");
  const by = useComputed(() => location.value.query.get("by") ?? "");
  const sort = useComputed(() => location.value.query.get("sort") ?? "");
  const groups = useGroups(filter, by, sort);
  useRowKeys(selected);

  if (!loaded.value) return html`<div class="loading" role="status" aria-label="Loading"></div>`;
  return html`<div class="overview">
    <div class="page-head">
      <h1>Tasks</h1>
      <span class="spacer"></span>
      <${Filter} filter=${filter} />
      <${GroupBy} by=${by} />
      ${exists("/new") && html`<a class="button primary" href="#/new">New<span class="wide">task</span></a>`}
    </div>
    <${Counts} filter=${filter} />
    <${Bulk} selected=${selected} groups=${groups} />
    ${names.value.length === 0
      ? html`<${First} />`
      : html`<${List} groups=${groups} usages=${usages} selected=${selected} sort=${sort} />`}
  </div>`;
}

/** Return a signal of [[heading, [names]]], which changes only when it is another one. */
function useGroups(filter, by, sort) {
  const before = useRef([]);
  return useComputed(() => {
    const wanted = parseFilter(filter.value);
    const fitting = tasks.value.filter((task) => fits(task, wanted));
    const found = groupsOf(sorted(fitting, sort.value), by.value);
    if (JSON.stringify(found) !== JSON.stringify(before.current)) before.current = found;
    return before.current;
  });
}

function List({ groups, usages, selected, sort }) {
  if (groups.value.length === 0) {
    return html`<div class="section"><${Empty}>No task fits the filter.<//></div>`;
  }
  return html`<div class="tasks section" role="table" aria-label="Tasks">
    <div class="tasks-head" role="rowgroup"><div class="task-row" role="row">
      <span role="columnheader" class="c-select"><${SelectAll} groups=${groups} selected=${selected} /></span>
      <${Column} name="name" sort=${sort}>Task<//>
      <${Column} name="state" sort=${sort}>State<//>
      <span role="columnheader" class="c-replicas">Ready</span>
      <${Column} name="uptime" sort=${sort}>Uptime<//>
      <${Column} name="restarts" sort=${sort} title="In a row / since the service started">Restarts<//>
      <span role="columnheader" class="c-cpu">CPU</span>
      <span role="columnheader" class="c-memory">Memory</span>
      <span role="columnheader" class="c-next">Next / last</span>
    </div></div>
    ${groups.value.map(
      ([heading, members]) => html`<div role="rowgroup" key=${heading} class="tasks-group">
        ${heading && html`<div role="row" class="group-head"><h2 role="rowheader">${heading}<span class="muted">${members.length}</span></h2></div>`}
        ${members.map((name) => html`<${Row} key=${name} name=${name} usage=${usages.of(name)} selected=${selected} />`)}
      </div>`,
    )}
  </div>`;
}

/** A heading that sorts: by a click the one way, by another the other. */
function Column({ name, sort, title, children }) {
  const [by, down] = [sort.value.replace("-", "") || "name", sort.value.startsWith("-")];
  const next = by === name && !down ? `-${name}` : name;
  const order = by !== name ? undefined : down ? "descending" : "ascending";
  return html`<span role="columnheader" class=${`c-${name}`} aria-sort=${order} title=${title}>
    <button type="button" class="column" onClick=${() => setQuery({ sort: next === "name" ? "" : next })}>${children}</button>
  </span>`;
}

const First = () => html`<div class="section first">
  <h2>There is no task yet</h2>
  <p class="muted">Start one by hand, or have a file of them kept up by <code>proctor up</code>.</p>
  <pre><code>proctor add web --type daemon -- python3 -m http.server 8000</code></pre>
  ${exists("/new") && html`<p><a class="button primary" href="#/new">New task</a></p>`}
</div>`;

// Above the list.

/** How many tasks are in each state; each a filter. */
function Counts({ filter }) {
  const counts = useComputed(() => {
    const found = {};
    for (const { state } of tasks.value) found[state] = (found[state] ?? 0) + 1;
    return JSON.stringify(STATES.filter((state) => found[state]).map((state) => [state, found[state]]));
  });
  const turn = (state) => {
    const word = `state:${state}`;
    setQuery({ filter: filter.peek() === word ? "" : word });
  };
  return html`<div class="counts" role="group" aria-label="Tasks by state">
    ${JSON.parse(counts.value).map(
      ([state, n]) => html`<button type="button" key=${state} class="count" data-state=${state}
        aria-pressed=${filter.value === `state:${state}`} onClick=${() => turn(state)}>
        <span class="dot" aria-hidden="true"></span>${n} ${state}</button>`,
    )}
  </div>`;
}

function Filter({ filter }) {
  const ref = useRef(null);
  useKeys([
    { keys: ["/"], label: "Filter", run: () => (ref.current.focus(), ref.current.select()) },
  ]);
  const onKey = (event) => {
    if (event.key === "Escape") {
      if (filter.peek()) setQuery({ filter: "" });
      else ref.current.blur();
    } else if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      document.querySelector("[data-task]")?.focus();
    }
  };
  return html`<input ref=${ref} class="input filter" type="search" placeholder="Filter  /" aria-label="Filter by name, label, namespace or state"
    title="web   state:failed   ns:shop   type:cron   tier=front" value=${filter.value}
    onInput=${(event) => setQuery({ filter: event.target.value })} onKeyDown=${onKey} />`;
}

function GroupBy({ by }) {
  const options = useComputed(() => JSON.stringify(groupNames(tasks.value)));
  return html`<label class="group-by"><span class="muted small">Group by</span>
    <select class="select" aria-label="Group by" value=${by.value} onChange=${(event) => setQuery({ by: event.target.value })}>
      ${JSON.parse(options.value).map(([value, text]) => html`<option key=${value} value=${value} selected=${value === by.value}>${text}</option>`)}
    </select>
  </label>`;
}

// The selection.

class Selection {
  /** The names chosen, a new set at each change. */
  names = signal(new Set());

  turn(name, on) {
    const next = new Set(this.names.peek());
    if (on ?? !next.has(name)) next.add(name);
    else next.delete(name);
    this.names.value = next;
  }

  set(all) {
    this.names.value = new Set(all);
  }
}

function SelectAll({ groups, selected }) {
  const shown = groups.value.flatMap(([, members]) => members);
  const chosen = selected.names.value;
  const all = shown.length > 0 && shown.every((name) => chosen.has(name));
  const ref = useRef(null);
  useEffect(() => {
    ref.current.indeterminate = !all && shown.some((name) => chosen.has(name));
  });
  return html`<label class="check"><input ref=${ref} type="checkbox" checked=${all} aria-label="Select all tasks shown"
    onChange=${() => selected.set(all ? [] : shown)} /></label>`;
}

function Bulk({ selected, groups }) {
  const there = new Set(names.value);
  const chosen = [...selected.names.value].filter((name) => there.has(name));
  const hidden = new Set(groups.value.flatMap(([, members]) => members));
  const unseen = chosen.filter((name) => !hidden.has(name)).length;
  if (!chosen.length) return null;
  const all = (verb, doing) => () => act(verb, chosen, { words: `${doing} ${chosen.length === 1 ? chosen[0] : count(chosen.length, "task")}` });
  const stop = async () => {
    const text = chosen.slice(0, 10).join(", ") + (chosen.length > 10 ? " …" : "");
    if (chosen.length > 1 && !(await ask({ title: `Stop ${count(chosen.length, "task")}?`, text, action: "Stop", danger: true }))) return;
    await all("stop", "Stopping")();
  };
  return html`<div class="bulk" role="region" aria-label="Selected tasks">
    <strong>${chosen.length} selected</strong>
    ${unseen > 0 && html`<span class="muted small">${unseen} not shown by the filter</span>`}
    <${Action} onClick=${all("start", "Starting")}>Start<//>
    <${Action} onClick=${all("restart", "Restarting")}>Restart<//>
    <${Action} kind="danger" onClick=${stop}>Stop<//>
    <button type="button" class="button quiet" onClick=${() => selected.set([])}>Clear</button>
  </div>`;
}

// The keyboard.

function useRowKeys(selected) {
  const rows = () => [...document.querySelectorAll("[data-task]")];
  const move = (by) => () => {
    const all = rows();
    const at = all.indexOf(document.activeElement?.closest?.("[data-task]"));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  const here = (then) => () => {
    const name = document.activeElement?.closest?.("[data-task]")?.dataset.task;
    if (name) then(name);
  };
  useKeys([
    { keys: ["j", "ArrowDown"], label: "Next task", run: move(1) },
    { keys: ["k", "ArrowUp"], label: "Previous task", run: move(-1) },
    { keys: ["Enter", "o"], label: "Open the task", run: here((name) => go(href("/task", name))) },
    ...(exists("/new") ? [{ keys: ["n"], label: "New task", run: () => go("#/new") }] : []),
    { keys: ["x"], label: "Select the task", run: here((name) => selected.turn(name)) },
  ]);
}
