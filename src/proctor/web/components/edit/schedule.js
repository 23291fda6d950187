// The form's schedule: the expression in words with its next fires, and the import of crontab lines.
import { ApiError, get } from "../../api.js";
import { parseCrontab } from "../../crontab.js";
import { html, useEffect, useState } from "../../lib.js";
import { clockIn, dayOf, offsetIn, sameClock, timeOf } from "../../zones.js";
import { Choice } from "../basics.js";
import { NumberField, Rows, SelectField, TextField, useForm } from "./inputs.js";
import { Part } from "./parts.js";

const ROOTS = ["cron", "timezone", "at", "overlap", "queue", "catch_up", "schedule_jitter", "blackouts"];
const OVERLAP = [["", "skip it"], ["queue", "have it wait"], ["replace", "end the run that goes on"], ["allow", "run beside it"]];
const CATCH_UP = [["", "nothing"], ["last", "one run"], ["all", "all of them"]];

export function Schedule() {
  const { spec, set } = useForm();
  const to = (rows) => set("blackouts", rows.length ? rows.map(({ cron = "", seconds = "" }) => ({ cron, seconds: Number(seconds) || 0 })) : undefined);
  const from = (spec.blackouts ?? []).map(({ cron, seconds }) => ({ cron, seconds: String(seconds) }));
  return html`<${Part} title="Schedule" roots=${ROOTS} about="when it runs" open=${spec.type === "cron"}>
    <div class="edit-grid">
      <${TextField} path="cron" label="Cron expression" placeholder="30 4 * * mon-fri" class="mono-input" hint="minute hour day month weekday, or as @daily" />
      <${TextField} path="timezone" label="Time zone" placeholder="the service's" list="edit-zones" hint="As Europe/Berlin." />
      <${Preview} cron=${spec.cron} timezone=${spec.timezone} />
      <${TextField} path="at" label="Or once, at" placeholder="+30m" means=${momentOf} hint="2030-01-01T00:00:00Z, or +30s, +5m, +2h, +1d from now." />
      <${NumberField} path="schedule_jitter" label="Put off by up to" unit="s" placeholder="0" />
      <${SelectField} path="overlap" label="While a run goes on" options=${OVERLAP} hint="What a fire does then." />
      <${NumberField} path="queue" label="Most that wait" placeholder="1" />
      <${SelectField} path="catch_up" label="Make up for missed fires by" options=${CATCH_UP} />
    </div>
    <h3>Blackouts</h3>
    <${Rows} path="blackouts" label="Blackout" add="Add a blackout" from=${from} to=${to} columns=${[
      { name: "cron", label: "Begins", placeholder: () => "0 22 * * *", width: 2 },
      { name: "seconds", label: "Seconds", placeholder: () => "seconds" },
    ]} />
    <${Zones} />
  <//>`;
}

function momentOf(text) {
  if (text.trim() === "") return undefined;
  return /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text.trim();
}

const ALL = Intl.supportedValuesOf?.("timeZone") ?? [];
const Zones = () => html`<datalist id="edit-zones">${ALL.map((zone) => html`<option key=${zone} value=${zone}></option>`)}</datalist>`;

const PAUSE = 250;

/** What an expression means, as one types. */
export function Preview({ cron, timezone }) {
  const [said, setSaid] = useState(null);
  useEffect(() => {
    if (!cron?.trim()) {
      setSaid(null);
      return undefined;
    }
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      try {
        setSaid(await get("/v1/schedule/next", { cron, tz: timezone, n: 5 }, { signal: abort.signal }));
      } catch (error) {
        if (abort.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        setSaid({ wrong: error.message });
      }
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [cron, timezone]);
  if (!said) return null;
  if (said.wrong) return html`<div class="edit-wide cron-said cron-wrong" role="status">${said.wrong}</div>`;
  return html`<div class="edit-wide cron-said" role="status">
    <p><strong class="cron-words">${said.words}</strong></p>
    ${said.fires.length > 0 && html`<ol class="cron-fires" aria-label="Its next fires">${said.fires.map(({ at, local }) => html`<li key=${at}>
      <span>${dayOf(at)}</span> <strong>${timeOf(at)}</strong>${!sameClock(at, local) && html` <span class="muted">${clockIn(local)} ${offsetIn(local)}</span>`}</li>`)}</ol>`}
  </div>`;
}

const USERS = [["auto", "By its name"], ["no", "None"], ["yes", "In each line"]];

/** Crontab lines that are pasted; `onTake(fields)` gets what a line means. */
export function Import({ onTake, onClose }) {
  const [text, setText] = useState("");
  const [user, setUser] = useState("auto");
  const { jobs, errors } = parseCrontab(text, user);
  return html`<section class="section crontab">
    <header class="section-head"><h2>Import a crontab line</h2><button type="button" class="icon-button" aria-label="Close the import" onClick=${onClose}>✕</button></header>
    <div class="edit-body">
      <label class="field"><span>Lines of a crontab</span>
        <textarea class="mono" rows="4" value=${text} onInput=${(event) => setText(event.target.value)} spellcheck=${false} autofocus
          placeholder=${"CRON_TZ=Europe/Berlin\n# Nightly backup\n15 3 * * * root /usr/local/bin/backup --all"}></textarea></label>
      <div class="crontab-user"><span class="muted small">A user before the command</span><${Choice} label="A user before the command" options=${USERS} value=${user} onChange=${setUser} /></div>
      ${errors.length > 0 && html`<ul class="edit-wrong">${errors.map(({ line, text: wrong }) => html`<li key=${line}>Line ${line}: ${wrong}</li>`)}</ul>`}
      <ul class="crontab-jobs">${jobs.map((job, n) => html`<${Job} key=${n} job=${job} onTake=${onTake} />`)}</ul>
    </div>
  </section>`;
}

function Job({ job: { fields, notes }, onTake }) {
  const cmd = Array.isArray(fields.cmd) ? fields.cmd.at(-1) : fields.cmd;
  return html`<li>
    <div><strong>${fields.name}</strong> <code>${cmd.split("\n")[0]}</code>
      <p class="muted small"><code>${fields.cron}</code>${fields.timezone && ` ${fields.timezone}`}${fields.user && `, as ${fields.user}`}</p>
      ${notes.map((note) => html`<p key=${note} class="muted small">${note}</p>`)}</div>
    <button type="button" class="button" aria-label=${`Take over ${fields.name}`} onClick=${() => onTake(fields)}>Take over</button>
  </li>`;
}
