// The one live store: every task's summary, kept true by the event stream.  Nothing polls.
//
// Each task has a signal of its own, so that a change renders one row.  What an event does not tell,
// the task's state and reason, is fetched for all tasks that changed, at most ten times a second.
import { ApiError, get, login, stream } from "./api.js";
import { batch, computed, effect, signal } from "./lib.js";

/** name -> signal of the summary, as GET /v1/tasks shows it.  Use `taskOf`, or `names`. */
const known = new Map();

/** All names in order; a new array only when a task has come or gone. */
export const names = signal([]);

/** Whether the list has been loaded once. */
export const loaded = signal(false);

/** "connecting", "live" or "reconnecting"; `reason` says why it is not live, `since` how long. */
export const connection = signal({ state: "connecting", reason: "" });

/** The service's wall clock in seconds, a tick a second, for what shows how long something lasts. */
export const now = signal(Date.now() / 1000);
let ahead = 0; // By how much the service's clock is ahead of ours.
const tick = () => {
  if (!document.hidden) now.value = Date.now() / 1000 + ahead;
};
setInterval(tick, 1000);

/** Return a task's summary and subscribe to it; undefined if there is no such task. */
export function taskOf(name) {
  names.value; // A task that comes later is one that the reader wants to hear of.
  return known.get(name)?.value;
}

/** Return the signal itself, for a row of a list. */
export const signalOf = (name) => known.get(name);

/** All summaries in the order of their names; changes with any of them. */
export const tasks = computed(() => names.value.map((name) => known.get(name).value));

const listeners = new Set();

/** Call `listener(event)` for each event from now on, and `listener(null)` when some may have been
 * missed, so that what was made of them has to be made anew.  Returns what ends that. */
export function onEvents(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Loading.

let loading = null;

function loadAll() {
  loading ??= load().finally(() => {
    loading = null;
  });
  return loading;
}

async function load() {
  changed.clear();
  const found = [];
  let cursor = null;
  const facts = get("/v1/info");
  do {
    const page = await get("/v1/tasks", { cursor });
    found.push(...page.tasks);
    cursor = page.next;
  } while (cursor);
  const { started, uptime } = await facts;
  const apart = started + uptime - Date.now() / 1000;
  ahead = Math.abs(apart) < 2 ? 0 : apart;
  batch(() => {
    tick();
    const kept = new Set(found.map((task) => task.name));
    for (const name of [...known.keys()]) if (!kept.has(name)) known.delete(name);
    for (const task of found) take(task);
    rename();
    loaded.value = true;
  });
}

function take(task) {
  const one = known.get(task.name);
  if (one === undefined) known.set(task.name, signal(task));
  else one.value = task;
}

function rename() {
  const sorted = [...known.keys()].sort();
  const before = names.peek();
  if (sorted.length !== before.length || sorted.some((name, n) => name !== before[n])) {
    names.value = sorted;
  }
}

// Changes.

const PAUSE = 100;
const AGAIN = 2000;
const AT_ONCE = 3000; // characters of names in one address
const changed = new Set();
let flushing = false;

function touch(name) {
  if (!name || name.startsWith("@")) return;
  changed.add(name);
  flushSoon(PAUSE);
}

function flushSoon(pause) {
  if (flushing || !changed.size) return;
  flushing = true;
  setTimeout(async () => {
    const failed = await flush();
    flushing = false;
    flushSoon(failed ? AGAIN : PAUSE);
  }, pause);
}

/** Fetch what has changed; return whether that failed, then it is still to be done. */
async function flush() {
  await loading?.catch(() => {});
  addDependents();
  const meant = [...changed];
  changed.clear();
  try {
    await fetchAll(meant);
    return false;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (login.peek() === null) for (const name of meant) changed.add(name);
    return true;
  }
}

async function fetchAll(meant) {
  for (const some of portions(meant)) {
    const { tasks: found } = await get("/v1/tasks", { names: some.join(",") });
    batch(() => {
      const there = new Set(found.map((task) => task.name));
      for (const name of some) if (!there.has(name)) known.delete(name);
      for (const task of found) take(task);
      rename();
    });
  }
}

/** What waits for a task says so in its reason, and there is no event when that changes. */
function addDependents() {
  let before;
  do {
    before = changed.size;
    for (const one of known.values()) {
      const { name, state, deps } = one.peek();
      const waits = state === "waiting" || state === "blocked";
      if (waits && deps.some((dep) => changed.has(dep))) changed.add(name);
    }
  } while (changed.size > before);
}

function* portions(all) {
  let some = [];
  let length = 0;
  for (const name of all) {
    if (length + name.length > AT_ONCE) {
      yield some;
      [some, length] = [[], 0];
    }
    some.push(name);
    length += name.length + 1;
  }
  if (some.length) yield some;
}

// The stream.

const HIDDEN = 30_000; // After that a tab that nobody sees gives its connection back: browsers have
// six for a host, for all tabs together.
let last = null;
let aborter = null;
let wake = () => {};

async function follow() {
  aborter = new AbortController();
  try {
    const headers = last === null ? {} : { "last-event-id": String(last) };
    const news = await stream("/v1/events", { headers, signal: aborter.signal });
    // The server listens from now on, so what happens while the list is loaded is not missed.
    const ready = loadAll().then(() => {
      connection.value = { state: "live", reason: "" };
      for (const listener of listeners) listener(null);
    });
    ready.catch(() => aborter.abort());
    for await (const event of news) {
      if (event === null) continue;
      last = event.data.id;
      touch(event.data.task);
      for (const listener of listeners) listener(event.data);
    }
    await ready;
    return "the connection ended";
  } catch (error) {
    if (error.status === 410) last = null;
    return error.message;
  }
}

async function run() {
  for (let attempt = 0; ; attempt++) {
    await seen();
    const reason = await follow();
    if (connection.peek().state === "live") attempt = 0;
    if (login.peek() !== null) await loggedIn();
    else {
      const since = connection.peek().since ?? now.peek();
      // What was given back while nobody looks is not lost.
      connection.value = { state: document.hidden ? "connecting" : "reconnecting", reason, since };
      await pause(Math.min(10_000, 250 * 2 ** attempt) * (0.75 + Math.random() / 2));
    }
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

function seen() {
  if (!document.hidden) return null;
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}

function loggedIn() {
  return new Promise((resolve) => {
    const end = effect(() => {
      if (login.value === null) queueMicrotask(() => (end(), resolve()));
    });
  });
}

let hiding = 0;

/** Begin, once. */
export function begin() {
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(() => aborter?.abort(), HIDDEN);
    else wake();
  });
  window.addEventListener("online", () => wake());
  run();
}

/** Break the connection, as when the token has changed. */
export function reconnect() {
  aborter?.abort();
  wake();
}

effect(() => {
  if (login.value === null) return;
  known.clear();
  names.value = [];
  loaded.value = false;
});
