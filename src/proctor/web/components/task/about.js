// The side of a task's page: what it is, what it waits for, its checks, environment and spec.
import { fullMoment } from "../../format.js";
import { html, useState } from "../../lib.js";
import { taskOf } from "../../live.js";
import { exists } from "../../routes.js";
import { href } from "../../router.js";
import { toast } from "../../toasts.js";
import { Action, Moment, Section, State, Until } from "../basics.js";
import { Difference } from "../difference.js";

export function About({ task }) {
  const { spec } = task;
  const labels = Object.entries(spec.labels ?? {});
  return html`<${Section} title="About">
    <dl class="facts">
      <dt>Type</dt><dd>${spec.type}${spec.replica > 1 ? `, ${spec.replica} replicas` : ""}</dd>
      ${labels.length > 0 && html`<dt>Labels</dt><dd class="chips">${labels.map(([name, value]) => html`
        <a key=${name} class="chip" href=${href("/", { filter: `${name}=${value}` })}>${name}=${value}</a>`)}</dd>`}
      <dt>Command</dt><dd><code class="command">${commandText(spec.cmd)}</code></dd>
      ${spec.cwd && html`<dt>Folder</dt><dd><code>${spec.cwd}</code></dd>`}
      ${spec.user && html`<dt>User</dt><dd>${spec.user}</dd>`}
      ${spec.cron && html`<dt>Schedule</dt><dd><code>${spec.cron}</code> ${spec.timezone && html`<span class="muted">${spec.timezone}</span>`}</dd>`}
      ${task.next_fire && html`<dt>Next</dt><dd><${Until} at=${task.next_fire} /> <span class="muted small">${fullMoment(task.next_fire)}</span></dd>`}
      ${task.queued > 0 && html`<dt>Queued</dt><dd>${task.queued}</dd>`}
      ${task.skipped > 0 && html`<dt>Skipped</dt><dd>${task.skipped}</dd>`}
      ${task.last_time && html`<dt>Last begun</dt><dd><${Moment} at=${task.last_time} /></dd>`}
    </dl>
  <//>`;
}

/** The command as one would type it. */
export const commandText = (cmd) =>
  typeof cmd === "string" ? cmd : cmd.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");

const UNTIL = { settled: "is up or at rest", started: "has started", ready: "is ready", completed: "has ended", completed_ok: "has ended well", log_line: "has written" };

export function Dependencies({ task }) {
  const deps = (task.spec.deps ?? []).map((dep) => (typeof dep === "string" ? { task: dep } : dep));
  if (!deps.length && !task.dependents.length) return null;
  const graph = exists("/graph") && html`<a class="small" href=${href("/graph", { task: task.name })}>Graph</a>`;
  return html`<${Section} title="Dependencies" aside=${graph}>
    ${deps.length > 0 && html`<h3 class="list-head">Waits until</h3><ul class="near">${deps.map((dep) => html`<${Near} key=${dep.task} name=${dep.task}
      text=${[UNTIL[dep.until ?? "settled"], dep.pattern, dep.required === false && "(if it can)"].filter(Boolean).join(" ")} />`)}</ul>`}
    ${task.dependents.length > 0 && html`<h3 class="list-head">Needed by</h3><ul class="near">${task.dependents.map((name) => html`<${Near} key=${name} name=${name} text="" />`)}</ul>`}
  <//>`;
}

function Near({ name, text }) {
  const found = taskOf(name);
  return html`<li><span><a href=${href("/task", name)}>${name}</a> <span class="muted">${text}</span></span>
    ${found ? html`<${State} state=${found.state} />` : html`<span class="muted">not there</span>`}</li>`;
}

export function Checks({ task, reload }) {
  const defined = ["startup", "readiness", "liveness"].filter((name) => task.spec[name]);
  if (!defined.length) return null;
  const again = html`<${Action} kind="quiet small" onClick=${reload}>Look again<//>`;
  return html`<${Section} title="Checks" aside=${again}>
    ${defined.map((name) => html`<div key=${name} class="check-block"><h3>${name} <span class="muted">${how(task.spec[name])}</span></h3>
      <ul class="near">${task.replicas.map((replica) => html`<${Said} key=${replica.alias} replica=${replica} name=${name} target=${task.spec[name].http} />`)}</ul></div>`)}
  <//>`;
}

function how(check) {
  const kind = ["http", "tcp", "exec", "log_line", "file", "notify"].find((one) => check[one]);
  const every = ["log_line", "notify"].includes(kind) ? "" : `, every ${check.period ?? 10}\u00a0s`;
  const what = { http: check.http, notify: "sd_notify" }[kind] ?? `${kind.replace("_", " ")} ${check[kind]}`;
  return `${what}${every}`;
}

function Said({ replica, name, target }) {
  const said = replica.checks.find((check) => check.name === name);
  if (!said) return html`<li><span>${replica.alias}</span><span class="muted">not asked</span></li>`;
  const state = said.passing === null ? "waiting" : said.passing ? "ok" : "bad";
  const word = said.passing === null ? "no verdict yet" : said.passing ? "passes" : "fails";
  const text = target && said.text.startsWith(`${target}: `) ? said.text.slice(target.length + 2) : said.text;
  const row = said.failures ? `${said.failures} failed in a row` : said.successes ? `${said.successes} in a row` : "";
  return html`<li><span>${replica.alias}<span class="muted said">${text || "no answer yet"}</span></span>
    <span class="check-word"><span class="state" data-state=${state}><span class="dot" aria-hidden="true"></span>${word}</span>
    <span class="muted small">${row}${said.at && html`<br /><${Moment} at=${said.at} />`}</span></span></li>`;
}

const HIDDEN = "***";

export function Environment({ spec }) {
  const all = Object.entries(spec.env ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const files = spec.env_files ?? [];
  if (!all.length && !files.length) return null;
  return html`<${Section} title="Environment">
    <dl class="facts env">
      ${all.map(([name, value]) => html`<dt key=${name}><code>${name}</code></dt>
        <dd>${value === HIDDEN ? html`<span class="muted">hidden</span>` : html`<code>${value}</code>`}</dd>`)}
      ${files.map((file) => html`<dt key=${file} class="muted">file</dt><dd><code>${file}</code></dd>`)}
    </dl>
  <//>`;
}

/** The file that the task came from, and what other ways have made different since. */
function Origin({ source }) {
  const { file, applied_at: at, changes } = source;
  return html`<div class="origin">
    <dl class="facts"><dt>File</dt><dd><code>${file}</code></dd><dt>Applied</dt><dd><${Moment} at=${at} /></dd></dl>
    ${changes.length === 0 ? html`<p class="section-foot muted">Nothing was changed since.</p>` : html`
      <h3 class="list-head">Changed since: the next apply of the file undoes it</h3>
      <${Difference} changes=${changes} before="As applied" after="Now" />`}
  </div>`;
}

export function Spec({ task: { spec, source } }) {
  const [open, setOpen] = useState(false);
  const text = JSON.stringify(spec, null, 2);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied", "good");
    } catch {
      toast("The browser does not allow that: select the text instead", "bad");
    }
  };
  const aside = html`<span><${Action} kind="quiet small" onClick=${copy}>Copy<//>
    <button type="button" class="button quiet small" aria-expanded=${open} onClick=${() => setOpen(!open)}>${open ? "Hide" : "Show"}</button></span>`;
  return html`<${Section} title="Spec" aside=${aside}>
    ${source && html`<${Origin} source=${source} />`}
    ${open && html`<pre class="spec" tabindex="0" aria-label="Spec">${text}</pre>`}
  <//>`;
}
