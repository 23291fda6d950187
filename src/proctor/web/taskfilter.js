// Which tasks fit what was typed, and how they are grouped.  Pure.

/** The states of a task, what needs somebody to look first. */
export const STATES = ["failed", "backoff", "blocked", "starting", "waiting", "stopping", "running", "scheduled", "completed", "stopped", "disabled", "removing"];

/** Return the terms of a filter: words, and `state:`, `ns:`, `type:`, `label=value`. */
export function parseFilter(text) {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => {
      const colon = /^(state|ns|namespace|type|name):(.*)$/.exec(word);
      if (colon) return { kind: colon[1] === "namespace" ? "ns" : colon[1], value: colon[2] };
      const [label, value] = word.split("=", 2);
      return value === undefined ? { kind: "word", value: word } : { kind: "label", label, value };
    });
}

/** Whether the task fits all terms. */
export const fits = (task, terms) => terms.every((term) => fitsOne(task, term));

function fitsOne(task, { kind, value, label }) {
  switch (kind) {
    case "state":
      return value === "" || value.split(",").includes(task.state);
    case "ns":
      return task.namespace.toLowerCase().startsWith(value);
    case "type":
      return task.type.startsWith(value);
    case "name":
      return task.name.toLowerCase().includes(value);
    case "label":
      return Object.entries(task.labels).some(
        ([name, text]) => name.toLowerCase() === label && text.toLowerCase().startsWith(value),
      );
    default:
      return (
        task.name.toLowerCase().includes(value) ||
        task.state.includes(value) ||
        task.namespace.toLowerCase().includes(value) ||
        Object.entries(task.labels).some(([name, text]) => `${name}=${text}`.toLowerCase().includes(value))
      );
  }
}

/** Return the ways in which these tasks can be grouped: [[value, what it is called]]. */
export function groupNames(tasks) {
  const labels = new Set(tasks.flatMap((task) => Object.keys(task.labels)));
  return [
    ["", "nothing"],
    ["namespace", "namespace"],
    ["state", "state"],
    ["type", "type"],
    ...[...labels].sort().map((label) => [`label:${label}`, `label ${label}`]),
  ];
}

const KEYS = {
  name: (task) => task.name,
  state: (task) => STATES.indexOf(task.state),
  uptime: (task) => -(task.started ?? Infinity),
  restarts: (task) => -Math.max(task.restarts, task.restarts_total),
};

/** Return the tasks, which are in the order of their names, in another: "uptime", "-state" ...
 *
 * What one looks for comes first: the longest uptime is the last, the most restarts are the first.
 */
export function sorted(tasks, by) {
  const key = KEYS[by.replace("-", "")] ?? KEYS.name;
  const sign = by.startsWith("-") ? -1 : 1;
  const keyed = tasks.map((task) => [key(task), task]);
  return keyed.sort(([a], [b]) => sign * (a < b ? -1 : a > b ? 1 : 0)).map(([, task]) => task);
}

/** Return [[heading, [names]]]: groups in order, those without one last. */
export function groupsOf(tasks, by) {
  const groups = new Map();
  for (const task of tasks) {
    const key = groupOf(task, by);
    const members = groups.get(key);
    if (members) members.push(task.name);
    else groups.set(key, [task.name]);
  }
  if (by === "state") return [...groups].sort(([a], [b]) => STATES.indexOf(a) - STATES.indexOf(b));
  const none = by.startsWith("label:") ? `without ${by.slice(6)}` : "";
  return [...groups].sort(([a], [b]) => (a === none) - (b === none) || (a < b ? -1 : 1));
}

function groupOf(task, by) {
  if (by === "") return "";
  if (by.startsWith("label:")) return task.labels[by.slice(6)] ?? `without ${by.slice(6)}`;
  return task[by] ?? "";
}
