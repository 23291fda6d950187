// The parts of the form: what most tasks need is open, all else one click away.
import { html, useEffect, useRef, useState } from "../../lib.js";
import { names } from "../../live.js";
import { getIn, rootOf, wordsOf } from "../../specpath.js";
import { Choice } from "../basics.js";
import { commandText } from "../task/about.js";
import { AreaField, CheckField, Field, NumberField, Rows, SelectField, TextField, useForm } from "./inputs.js";

/** A part that opens when it holds something, or something in it is wrong. `roots`: its fields. */
export function Part({ title, roots, about, open: begins = false, children }) {
  const { spec, error } = useForm();
  const given = roots.filter((root) => spec[root] !== undefined);
  const [open, setOpen] = useState(begins || given.length > 0);
  const wrong = Boolean(error?.field && roots.includes(rootOf(error.field)));
  useEffect(() => {
    if (wrong || begins) setOpen(true);
  }, [wrong, error, begins]);
  return html`<details class="section edit-part" open=${open} onToggle=${(event) => setOpen(event.target.open)}>
    <summary><h2>${title}</h2><span class="muted small clip">${open ? "" : given.length ? given.join(", ") : about}</span></summary>
    ${open && html`<div class="edit-body">${children}</div>`}
  </details>`;
}

const TYPES = [
  ["daemon", "daemon: is kept running"],
  ["once", "once: runs to its end"],
  ["cron", "cron: runs by a schedule"],
  ["melang", "melang: a script of Melang"],
  ["python", "python: a Python coroutine"],
];

export function Basics() {
  const { spec, isNew } = useForm();
  const script = ["melang", "python"].includes(spec.type);
  return html`<section class="section edit-part"><header class="section-head"><h2>Task</h2></header>
    <div class="edit-body edit-grid">
      <${TextField} path="name" label="Name" hint=${isNew ? "Letters, digits, _ . -" : "A task's name stays as it is."} readonly=${!isNew} required autofocus=${isNew} />
      <${SelectField} path="type" label="Type" options=${TYPES} />
      <${Command} script=${script} />
      <${NumberField} path="replica" label="Replicas" placeholder="1" />
      <${TextField} path="namespace" label="Namespace" placeholder="default" />
      <${TextField} path="description" label="Description" class="edit-wide" />
      <div class="edit-wide"><${CheckField} path="enabled" label="Starts by itself" usual=${true} hint="Without it, it starts only when somebody starts it." /></div>
    </div>
  </section>`;
}

function Command({ script }) {
  const { spec, set } = useForm();
  const [asList, setAsList] = useState(Array.isArray(spec.cmd));
  const turn = (list) => {
    const { cmd } = spec;
    if (list && typeof cmd === "string") set("cmd", wordsOf(cmd) ?? ["/bin/sh", "-c", cmd]);
    if (!list && Array.isArray(cmd)) set("cmd", commandText(cmd));
    setAsList(list);
  };
  const how = html`<${Choice} label="How the command is run" options=${[[false, "By a shell"], [true, "Words as they are"]]} value=${asList} onChange=${turn} />`;
  if (script) return html`<${TextField} path="cmd" label="Script" hint="The path of its file, on the machine of the service." class="edit-wide mono-input" />`;
  return html`<div class="edit-wide edit-command">
    <${AreaField} key=${asList} path="cmd" lines=${asList} label="Command" placeholder=${asList ? "/usr/bin/server\n--port\n8080" : "exec ./server --port 8080"}
      hint=${asList ? "One word a line, the program first; no shell." : "For /bin/sh. With exec in front no shell stays in between."} />
    ${how}
  </div>`;
}

// Where and as whom.

const HIDDEN = "***";

export function Surroundings() {
  const roots = ["cwd", "user", "group", "env", "env_files", "inherit_env", "secret_env", "umask", "nice", "oom_score_adj"];
  return html`<${Part} title="Environment and user" roots=${roots} about="folder, user, variables, secrets">
    <div class="edit-grid">
      <${TextField} path="cwd" label="Folder" placeholder="/srv/shop" hint="Its working directory, an absolute path." class="edit-wide" />
      <${TextField} path="user" label="User" placeholder="the service's own" />
      <${TextField} path="group" label="Group" placeholder="the user's" />
    </div>
    <h3>Variables</h3>
    <${Variables} />
    <div class="edit-grid">
      <${AreaField} path="env_files" lines label="Files of variables" placeholder="/etc/shop/env" hint="Paths, one a line; read at each start." class="edit-wide" />
      <div class="edit-wide"><${Inherited} /></div>
      <${TextField} path="umask" label="Umask" placeholder="022" class="edit-short" />
      <${NumberField} path="nice" label="Niceness" placeholder="0" hint="19 is the nicest to others." />
      <${NumberField} path="oom_score_adj" label="OOM score" placeholder="0" hint="1000: the first to be killed for memory." />
    </div>
  <//>`;
}

function Inherited() {
  const { spec } = useForm();
  // A list of names is rare: the JSON has it.
  if (Array.isArray(spec.inherit_env)) return html`<p class="muted small">Of the service's variables it gets ${spec.inherit_env.join(", ")}.</p>`;
  return html`<${CheckField} path="inherit_env" label="Gets the service's own variables, too" usual=${true} />`;
}

function Variables() {
  const { spec, setAll } = useForm();
  const secret = new Set(spec.secret_env ?? []);
  const from = Object.entries(spec.env ?? {}).map(([name, value]) => ({ name, value: value === HIDDEN ? "" : value, kept: value === HIDDEN, secret: secret.has(name) || value === HIDDEN, named: value === HIDDEN && !secret.has(name) }));
  const to = (rows) => {
    const env = Object.fromEntries(rows.map((row) => [row.name ?? "", row.value ? row.value : row.kept ? HIDDEN : ""]));
    // What is secret by its name alone need not be listed.
    const hidden = rows.filter((row) => row.secret && !row.named).map((row) => row.name ?? "");
    setAll({ env: rows.length ? env : undefined, secret_env: hidden.length ? hidden : undefined });
  };
  return html`<${Rows} path="env" label="Variable" add="Add a variable" from=${from} to=${to} columns=${[
    { name: "name", label: "Name", width: 2 },
    { name: "value", label: "Value", width: 3, secret: (row) => row.secret, placeholder: (row) => (row.kept ? "hidden, stays as it is" : "Value") },
    { name: "secret", label: "secret", kind: "check" },
  ]} />`;
}

// Dependencies.

const UNTIL = [
  ["settled", "is up or at rest"], ["ready", "is ready"], ["started", "has started"],
  ["completed", "has ended"], ["completed_ok", "has ended well"], ["log_line", "has written a line"],
];

export function Needs() {
  const { spec, set } = useForm();
  const from = (spec.deps ?? []).map((dep) => (typeof dep === "string" ? { task: dep } : { ...dep, optional: dep.required === false }));
  const to = (rows) => set("deps", rows.length ? rows.map(depOf) : undefined);
  return html`<${Part} title="Dependencies" roots=${["deps"]} about="what it waits for">
    <${Rows} path="deps" label="Dependency" add="Add a dependency" from=${from} to=${to} columns=${[
      { name: "task", label: "Task", list: "edit-tasks", width: 2 },
      { name: "until", label: "Until it", kind: "select", options: UNTIL },
      { name: "pattern", label: "Regular expression", width: 2, when: (row) => row.until === "log_line" },
      { name: "optional", label: "if it can", kind: "check" },
    ]} />
    <datalist id="edit-tasks">${names.value.filter((name) => name !== spec.name).map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>
  <//>`;
}

function depOf({ task = "", until = "settled", pattern, optional }) {
  if (until === "settled" && !optional) return task;
  return { task, ...(until !== "settled" && { until }), ...(until === "log_line" && pattern && { pattern }), ...(optional && { required: false }) };
}

// Restarts and stops.

const WHEN = [["", "as its type has it"], ["always", "always"], ["on-failure", "when it failed"], ["never", "never"]];

export function Restarts() {
  const { spec, set } = useForm();
  const { restart } = spec;
  // "restart": "always" is short for {"when": "always"}: as an object it can have more.
  useEffect(() => {
    if (typeof restart === "string") set("restart", { when: restart });
  }, []);
  const roots = ["restart", "interval", "timeout", "success_codes", "stop_signal", "stop_timeout", "stop_command", "essential"];
  return html`<${Part} title="Restarts and stops" roots=${roots} about="when it is started again, how it is stopped">
    <div class="edit-grid edit-three">
      <${SelectField} path="restart.when" label="Is started again" options=${WHEN} />
      <${NumberField} path="interval" label="Pause" unit="s" placeholder="3" hint="From an end to the next start." />
      <${NumberField} path="restart.factor" label="Pause grows by" unit="times" placeholder="1" />
      <${NumberField} path="restart.cap" label="Longest pause" unit="s" placeholder="300" />
      <${NumberField} path="restart.limit" label="Most starts" placeholder="no limit" hint="One more within the time beside: it has failed." />
      <${NumberField} path="restart.window" label="… within" unit="s" placeholder="60" />
      <${NumberField} path="restart.retries" label="Most restarts in a row" placeholder="no limit" />
      <${NumberField} path="restart.stable_after" label="Is stable after" unit="s" placeholder="10" hint="Restarts before that are forgotten then." />
      <${NumberField} path="timeout" label="Longest run" unit="s" placeholder="no limit" />
      <${Codes} />
      <${NumberField} path="stop_timeout" label="Time to stop" unit="s" placeholder="10" hint="Then it is killed." />
      <${TextField} path="stop_signal" label="Stop signal" placeholder="TERM" means=${signalsOf} shows=${(value) => [value].flat().join(" ")} class="edit-short" hint="Several, one after the other: INT TERM" />
      <${TextField} path="stop_command" label="Before the signals" placeholder="./server --drain" class="edit-wide mono-input" />
      <div class="edit-wide"><${CheckField} path="essential" label="Essential" hint="When it has failed for good, the service ends." /></div>
    </div>
  <//>`;
}

function signalsOf(text) {
  const words = text.toUpperCase().split(/[\s,]+/).filter(Boolean);
  return words.length > 1 ? words : words[0];
}

const Codes = () => html`<${TextField} path="success_codes" label="Good exit codes" placeholder="0" class="edit-short"
  means=${(text) => (text.trim() ? text.split(/[\s,]+/).filter(Boolean).map(Number) : undefined)} shows=${(codes) => codes.join(", ")} />`;

// Checks.

const KINDS = [
  ["", "none"], ["http", "HTTP answers"], ["tcp", "TCP connects"], ["exec", "a command succeeds"],
  ["file", "a file exists"], ["log_line", "a line is written"], ["notify", "it says so (sd_notify)"],
];
const TARGET = {
  http: ["URL", "http://127.0.0.1:8080/healthz"], tcp: ["Address", "127.0.0.1:8080"], exec: ["Command", "pg_isready -q"],
  file: ["Path", "/run/app.ready"], log_line: ["Regular expression", "listening on"],
};

export const Checks = () => html`<${Part} title="Checks" roots=${["readiness", "liveness", "startup"]} about="whether it is ready, and well">
  <${Check} name="readiness" label="Ready when" hint="Dependents wait for it." />
  <${Check} name="liveness" label="Well as long as" hint="When that fails, it is restarted." />
  <${Check} name="startup" label="Booted when" hint="Asked before the others, for what boots slowly." />
<//>`;

function Check({ name, label, hint }) {
  const { spec, set } = useForm();
  const check = spec[name] ?? {};
  const kind = KINDS.find(([one]) => one && check[one] !== undefined)?.[0] ?? "";
  const [picked, setPicked] = useState(kind);
  const pick = (one) => {
    setPicked(one);
    const rest = Object.fromEntries(Object.entries(check).filter(([key]) => !KINDS.some(([other]) => other === key)));
    if (one === "") set(name, undefined);
    else set(name, { ...rest, [one]: one === "notify" ? true : "" });
  };
  const asked = picked && !["log_line", "notify"].includes(picked);
  return html`<div class="edit-check-of edit-grid">
    <${Picker} path=${name} label=${label} hint=${hint} value=${picked} onPick=${pick} />
    ${TARGET[picked] && html`<${TextField} key=${picked} path=${`${name}.${picked}`} label=${TARGET[picked][0]} placeholder=${TARGET[picked][1]} means=${(text) => text} class="edit-target mono-input" />`}
    ${picked && html`<div class="edit-wide edit-numbers">
      ${asked && html`<${NumberField} path=${`${name}.period`} label="Every" unit="s" placeholder="10" /><${NumberField} path=${`${name}.timeout`} label="Timeout" unit="s" placeholder="1" />
      <${NumberField} path=${`${name}.failures`} label="Failures" placeholder="3" /><${NumberField} path=${`${name}.successes`} label="Successes" placeholder="1" />`}
      <${NumberField} path=${`${name}.delay`} label="Delay" unit="s" placeholder="0" />
    </div>`}
  </div>`;
}

const Picker = ({ path, label, hint, value, onPick }) => html`<${Field} path=${path} label=${label} hint=${hint} exact>
  ${(attributes) => html`<select ...${attributes} value=${value} onChange=${(event) => onPick(event.target.value)}>
    ${KINDS.map(([one, text]) => html`<option key=${one} value=${one} selected=${one === value}>${text}</option>`)}</select>`}
<//>`;

// What it may use, what is kept.

const UNITS = [["T", 2 ** 40], ["G", 2 ** 30], ["M", 2 ** 20], ["K", 2 ** 10]];

/** Bytes as one writes them: 268435456 is "256M". */
function sizeText(size) {
  const unit = UNITS.find(([, bytes]) => typeof size === "number" && size % bytes === 0);
  return unit ? `${size / unit[1]}${unit[0]}` : String(size);
}

const SizeField = (given) => html`<${TextField} ...${given} shows=${sizeText} />`;

export const Limits = () => html`<${Part} title="Limits" roots=${["limits", "pool", "priority", "rlimits"]} about="memory, CPU, processes, pools">
  <div class="edit-grid edit-three">
    <${SizeField} path="limits.memory_max" label="Memory, at most" placeholder="512M" hint="Above it is killed." class="edit-short" />
    <${SizeField} path="limits.memory_high" label="Memory, slowed down" placeholder="400M" class="edit-short" />
    <${SizeField} path="limits.memory_restart" label="Memory, restarted" placeholder="1G" class="edit-short" />
    <${NumberField} path="limits.cpu" label="CPUs" placeholder="0.5" />
    <${NumberField} path="limits.pids" label="Processes and threads" placeholder="100" />
    <${TextField} path="pool" label="Pool" hint="Its slots bound how much runs at a time." class="edit-short" />
    <${NumberField} path="priority" label="Priority in the pool" placeholder="0" />
  </div>
<//>`;

export const Output = () => html`<${Part} title="Output" roots=${["output"]} about="what is kept of its output">
  <div class="edit-grid edit-three">
    <${SizeField} path="output.quota" label="At most, a replica" placeholder="100M" class="edit-short" />
    <${SizeField} path="output.segment_size" label="New file at" placeholder="16M" class="edit-short" />
    <${NumberField} path="output.max_age" label="Kept for" unit="s" placeholder="604800" />
    <${NumberField} path="output.segment_age" label="New file after" unit="s" placeholder="86400" />
    <div class="edit-wide edit-checks">
      <${CheckField} path="output.separate" label="Tell errors from output" />
      <${CheckField} path="output.compress" label="Compress older files" />
      <${CheckField} path="output.keep" label="Keep output" usual=${true} />
    </div>
  </div>
<//>`;

export function Input() {
  const { spec, set } = useForm();
  const to = (rows) => set("sockets", rows.length ? rows.map(({ name = "", address = "", activate }) => ({ name, address, ...(activate && { activate }) })) : undefined);
  return html`<${Part} title="Sockets and input" roots=${["sockets", "stdin", "tty"]} about="sockets that outlive restarts, input, a terminal">
    <${Rows} path="sockets" label="Socket" add="Add a socket" from=${spec.sockets ?? []} to=${to} columns=${[
      { name: "name", label: "Name" },
      { name: "address", label: "Address", placeholder: () => "127.0.0.1:8080", width: 2 },
      { name: "activate", label: "starts the task", kind: "check" },
    ]} />
    <div class="edit-grid">
      <${TextField} path="stdin" label="Input" placeholder="null" hint="null: empty; pipe: what is sent to it; or a file's path." class="edit-short" />
      <div><${CheckField} path="tty" label="A terminal" hint="To attach to." /></div>
    </div>
  <//>`;
}

export const Watch = () => html`<${Part} title="Watched files" roots=${["watch"]} about="files whose change restarts it">
  <div class="edit-grid">
    <${AreaField} path="watch.paths" lines label="Files and folders" placeholder="/srv/shop" class="edit-wide" hint="Absolute paths, one a line." />
    <${AreaField} path="watch.include" lines label="Only" placeholder="*.py" />
    <${AreaField} path="watch.exclude" lines label="Never" placeholder="*.tmp" />
    <${NumberField} path="watch.debounce" label="After silence of" unit="s" placeholder="0.5" />
    <div class="edit-wide"><${CheckField} path="watch.cascade" label="Restart what depends on it, too" /></div>
  </div>
<//>`;

export function Labels() {
  const { spec, set } = useForm();
  const from = Object.entries(spec.labels ?? {}).map(([name, value]) => ({ name, value }));
  const to = (rows) => set("labels", rows.length ? Object.fromEntries(rows.map(({ name = "", value = "" }) => [name, value])) : undefined);
  return html`<${Part} title="Labels" roots=${["labels"]} about="names and values to select by">
    <${Rows} path="labels" label="Label" add="Add a label" from=${from} to=${to} columns=${[{ name: "name", label: "Name" }, { name: "value", label: "Value" }]} />
  <//>`;
}
