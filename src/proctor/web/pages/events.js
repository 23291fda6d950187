// Who did what and why something restarted: live, and the past by pages.
import { get } from "../api.js";
import { Action, Empty, Failure, Moment } from "../components/basics.js";
import { OWN_ACTORS, actorWords, condensed, eventFits, eventState, eventWords } from "../eventwords.js";
import { useKeys } from "../keys.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { names, onEvents } from "../live.js";
import { exists } from "../routes.js";
import { href, setQuery } from "../router.js";

const PAGE = 100;
const MOST = 2000; // Newer ones take the place of the oldest; those are a page away.
const PAUSE = 200;

const KINDS = [
  ["", "What happened", ""],
  ["trouble", "Restarts and trouble", "replica.backoff,replica.failed,replica.unready,replica.stopping,replica.killing,replica.stop_command_failed,task.essential_failed,task.roll_aborted,schedule.skipped,schedule.missed"],
  ["tasks", "Tasks made, changed, deleted", "task.*"],
  ["schedule", "Schedules", "schedule.*"],
  ["all", "Every step", "*"],
];
const ACTORS = [
  ["", "Anybody", ""],
  ["people", "People and programs", `!${OWN_ACTORS}`],
  ["own", "Proctor itself", OWN_ACTORS],
];

export default function Events({ query }) {
  const [task, kind, actor] = ["task", "kind", "actor"].map((name) => query.get(name) ?? "");
  const wanted = useMemo(() => wantedOf(task, kind, actor), [task, kind, actor]);
  const { events, next, error, loaded, older } = usePast(wanted);
  return html`<div class="events">
    <div class="page-head">
      <h1>Events</h1>
      <span class="spacer"></span>
      <${Filters} task=${task} kind=${kind} actor=${actor} />
    </div>
    ${error && html`<${Failure} error=${error} />`}
    ${loaded && !events.length && html`<div class="section"><${Empty}>${task || kind || actor ? "Nothing that fits has happened." : "Nothing has happened yet."}<//></div>`}
    ${daysOf(kind === "all" ? events : condensed(events)).map(([day, some]) => html`<section key=${day} class="section events-day" aria-label=${day}>
      <header class="section-head"><h2>${day}</h2></header>
      <ol>${some.map((event) => html`<${Event} key=${event.id} event=${event} />`)}</ol>
    </section>`)}
    ${next && html`<p class="events-more"><${Action} onClick=${older}>Older events<//></p>`}
  </div>`;
}

function Filters({ task, kind, actor }) {
  const ref = useRef(null);
  useKeys(useMemo(() => [
    { keys: ["/"], label: "Filter by task", run: () => (ref.current.focus(), ref.current.select()) },
  ], []));
  const set = (name) => (event) => setQuery({ [name]: event.target.value.trim() });
  const known = ACTORS.some(([value]) => value === actor);
  return html`<div class="events-filters" role="group" aria-label="Filter">
    <input ref=${ref} class="input" type="search" list="events-tasks" placeholder="Task  /" aria-label="Task" value=${task} onInput=${set("task")} />
    <datalist id="events-tasks">${names.value.map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>
    <select class="select" aria-label="Kind" value=${kind} onChange=${set("kind")}>
      ${KINDS.map(([value, text]) => html`<option key=${value} value=${value} selected=${value === kind}>${text}</option>`)}
    </select>
    <select class="select" aria-label="Who" value=${actor} onChange=${set("actor")}>
      ${ACTORS.map(([value, text]) => html`<option key=${value} value=${value} selected=${value === actor}>${text}</option>`)}
      ${!known && html`<option key=${actor} value=${actor} selected>${actor}</option>`}
    </select>
  </div>`;
}

function Event({ event }) {
  const { what, why } = eventWords(event);
  const who = event.replica === undefined ? event.task : `${event.task}:${event.replica}`;
  const log = event.run && exists("/logs") && ["backoff", "failed", "down"].includes(event.kind.split(".")[1]);
  const about = [event.kind, event.run && `run ${event.run}`, event.pid && `pid ${event.pid}`].filter(Boolean).join(", ");
  return html`<li class="event" data-state=${eventState(event)}>
    <span class="event-at muted"><${Moment} at=${event.at} /></span>
    <span class="event-what" title=${about}><span class="dot" aria-hidden="true"></span><span><a href=${href("/task", event.task)}>${who}</a> ${what}${why && html`: <strong>${why}</strong>`}
      ${log && html` <a class="event-log" href=${href("/logs", { task: event.task, run: event.run })}>log</a>`}</span></span>
    <button type="button" class="event-actor" title="Only what this one did" onClick=${() => setQuery({ actor: event.actor ?? "" })}>${actorWords(event.actor)}</button>
  </li>`;
}

/** What /v1/history is asked for. */
function wantedOf(task, kind, actor) {
  const exact = /[*?]/.test(task) || names.peek().includes(task);
  return {
    task: task === "" ? "" : exact ? task : `*${task}*`,
    kind: KINDS.find(([value]) => value === kind)?.[2] ?? kind,
    actor: ACTORS.find(([value]) => value === actor)?.[2] ?? actor,
  };
}

const NONE = { events: [], next: null, error: null, loaded: false };

/** Return the newest events that fit, what comes among them, and `older`, which fetches more. */
function usePast(wanted) {
  const [state, setState] = useState(NONE);
  const key = useRef(wanted);
  key.current = wanted;

  useEffect(() => {
    const abort = new AbortController();
    const fits = eventFits(wanted);
    let [fresh, timer] = [[], 0];
    const load = async () => {
      try {
        const page = await get("/v1/history", { ...wanted, limit: PAGE }, { signal: abort.signal });
        setState({ events: page.events, next: page.next, error: null, loaded: true });
      } catch (error) {
        if (!abort.signal.aborted) setState({ ...NONE, error, loaded: true });
      }
    };
    const show = () => {
      timer = 0;
      const some = fresh;
      fresh = [];
      setState((before) => ({ ...before, ...shortened(merged(before.events, some), before.next) }));
    };
    const first = load();
    const end = onEvents((event) => {
      if (event === null) return load();
      if (!fits(event)) return null;
      fresh.push(event);
      timer ||= setTimeout(() => first.then(show), PAUSE);
      return null;
    });
    return () => {
      abort.abort();
      clearTimeout(timer);
      end();
    };
  }, [wanted]);

  const older = async () => {
    try {
      const page = await get("/v1/history", { ...wanted, limit: PAGE, before: state.next });
      if (key.current !== wanted) return;
      setState((before) => ({ ...before, events: merged(before.events, page.events), next: page.next }));
    } catch (error) {
      setState((before) => ({ ...before, error }));
    }
  };
  return { ...state, older };
}

function merged(some, others) {
  const all = new Map([...some, ...others].map((event) => [event.id, event]));
  return [...all.values()].sort((a, b) => b.id - a.id);
}

function shortened(events, next) {
  if (events.length <= MOST) return { events, next };
  return { events: events.slice(0, MOST), next: events[MOST - 1].id };
}

const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

/** Return [[day, [events]]] in the order of the events. */
function daysOf(events) {
  const days = new Map();
  for (const event of events) {
    const when = new Date(event.at * 1000);
    const day = when.toDateString() === new Date().toDateString() ? "Today" : DAY.format(when);
    const some = days.get(day);
    if (some) some.push(event);
    else days.set(day, [event]);
  }
  return [...days];
}
