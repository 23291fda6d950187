// A new task, or another definition of one: by a form or as JSON, checked by the API before it holds.
import { ApiError, get, post, put, taskPath } from "../api.js";
import { Action, Choice, Failure, Section } from "../components/basics.js";
import { Dialog } from "../components/dialog.js";
import { Form } from "../components/edit/inputs.js";
import { Basics, Checks, Input, Labels, Limits, Needs, Output, Restarts, Surroundings, Watch } from "../components/edit/parts.js";
import { Review } from "../components/edit/review.js";
import { Import, Schedule } from "../components/edit/schedule.js";
import { count } from "../format.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { go, href } from "../router.js";
import { rootOf, setIn } from "../specpath.js";
import { toast } from "../toasts.js";

export default function Edit({ params, query }) {
  if (params.name) return html`<${Existing} key=${params.name} name=${params.name} />`;
  const type = query.get("type");
  return html`<${Editor} key="new" begin=${{ name: "", type: ["once", "cron"].includes(type) ? type : "daemon", cmd: "" }} isNew=${true} />`;
}

function Existing({ name }) {
  const [{ spec, error }, setFound] = useState({});
  useEffect(() => {
    get(taskPath(name)).then((task) => setFound({ spec: task.spec }), (wrong) => setFound({ error: wrong }));
  }, []);
  if (error?.status === 404) return html`<${Gone} name=${name} />`;
  if (error) return html`<${Failure} error=${error} />`;
  if (!spec) return html`<div class="loading" role="status" aria-label="Loading"></div>`;
  return html`<${Editor} begin=${spec} isNew=${false} />`;
}

const Gone = ({ name }) => html`<${Section} title=${name}>
  <p class="empty">There is no such task, or no more. <a href="#/new">New task</a></p>
<//>`;

function Editor({ begin, isNew }) {
  const [spec, setSpec] = useState(begin);
  const [version, setVersion] = useState(0); // Another one: the inputs begin anew.
  const [tab, setTab] = useState("form");
  const [broken, setBroken] = useState(""); // What is wrong with the JSON as such.
  const [importing, setImporting] = useState(false);
  const [plan, setPlan] = useState(null);
  const { error, said, check, show } = useCheck(spec, begin, isNew);

  const form = useMemo(() => ({
    spec,
    error,
    isNew,
    set: (path, value) => setSpec((before) => setIn(before, path, value)),
    setAll: (some) => setSpec((before) => Object.entries(some).reduce((all, [path, value]) => setIn(all, path, value), before)),
  }), [spec, error, isNew]);
  const replace = (next) => {
    setSpec(next);
    setVersion((one) => one + 1);
  };
  const turn = (next) => {
    if (broken) return;
    setTab(next);
    setVersion((one) => one + 1);
  };
  const take = (fields) => {
    replace({ ...spec, ...fields });
    setImporting(false);
    toast(`Taken over as ${fields.name}: look it over, then create it`, "good");
  };
  const submit = async (event) => {
    event?.preventDefault();
    if (broken) return;
    const found = await check(true);
    if (!found) return;
    if (!isNew) {
      setPlan(found);
      return;
    }
    try {
      await post("/v1/tasks", spec);
      toast(`${spec.name} was created`, "good");
      go(href("/task", spec.name));
    } catch (wrong) {
      show(wrong);
    }
  };

  return html`<div class="edit">
    <div class="page-head">
      <h1>${isNew ? "New task" : `Edit ${begin.name}`}</h1>
      <span class="spacer"></span>
      ${isNew && !importing && html`<button type="button" class="button quiet" onClick=${() => setImporting(true)}>Import a crontab line</button>`}
      <${Choice} label="How to edit" options=${[["form", "Form"], ["json", "JSON"]]} value=${tab} onChange=${turn} />
    </div>
    ${importing && html`<${Import} onTake=${take} onClose=${() => setImporting(false)} />`}
    <${Form.Provider} value=${form}>
      <form noValidate onSubmit=${(event) => event.preventDefault()} onFocusOut=${() => check(false)} aria-label=${isNew ? "New task" : "Task"}>
        ${tab === "form" ? html`<${Parts} key=${version} />` : html`<${Json} key=${version} spec=${spec} onSpec=${setSpec} error=${error} broken=${broken} onBroken=${setBroken} />`}
        <footer class="edit-foot">
          <${Action} kind="primary" type="submit" onClick=${submit}>${isNew ? "Create and start" : "Review and save"}<//>
          <a class="button" href=${isNew ? "#/" : href("/task", begin.name)}>Cancel</a>
          <p class=${error ? "edit-said edit-wrong" : "edit-said muted"} role="status">${error ? error.whole : said}</p>
        </footer>
      </form>
    <//>
    ${plan && html`<${Save} plan=${plan} spec=${spec} onClose=${() => setPlan(null)} />`}
  </div>`;
}

function Parts() {
  return html`<div class="edit-parts">
    <${Basics} /><${Schedule} /><${Surroundings} /><${Needs} /><${Restarts} /><${Checks} /><${Limits} /><${Output} /><${Input} /><${Watch} /><${Labels} />
  </div>`;
}

function Json({ spec, onSpec, error, broken, onBroken }) {
  const [text, setText] = useState(JSON.stringify(spec, null, 2));
  const input = (event) => {
    setText(event.target.value);
    try {
      const value = JSON.parse(event.target.value);
      if (value === null || typeof value !== "object" || Array.isArray(value)) throw new SyntaxError("expected an object");
      onBroken("");
      onSpec(value);
    } catch (wrong) {
      onBroken(wrong.message);
    }
  };
  const wrong = broken || error?.whole;
  return html`<section class="section edit-json" data-wrong=${wrong ? "json" : undefined}>
    <textarea class="mono" rows=${Math.max(16, Math.min(40, text.split("\n").length + 1))} value=${text} onInput=${input} aria-label="The task as JSON" aria-invalid=${wrong ? "true" : undefined}
      aria-describedby="edit-json-wrong" spellcheck=${false}></textarea>
    <p id="edit-json-wrong" class="edit-wrong" role="alert">${broken ? `This is no JSON: ${broken}` : error?.whole}</p>
  </section>`;
}

function Save({ plan, spec, onClose }) {
  const [roll, setRoll] = useState(false);
  const many = plan.restarts.length > 1;
  const save = async () => {
    try {
      await put(taskPath(spec.name), spec, { roll: roll && many ? 1 : "" });
      toast(`${spec.name} was changed`, "good");
      go(href("/task", spec.name));
    } catch (wrong) {
      toast(wrong.message, "bad");
      onClose();
    }
  };
  const label = plan.restarts.length ? `Save and restart ${count(plan.restarts.length, "replica")}` : "Save";
  return html`<${Dialog} title=${`Save ${spec.name}?`} class="edit-save" onClose=${onClose}>
    <${Review} plan=${plan} />
    ${many && html`<label class="edit-roll"><input type="checkbox" checked=${roll} onChange=${(event) => setRoll(event.target.checked)} /> A few at a time, each when those before are ready</label>`}
    <div class="dialog-actions">
      <button type="button" class="button" onClick=${onClose}>Back</button>
      ${plan.changes.length > 0 && html`<${Action} kind="primary" onClick=${save} autofocus>${label}<//>`}
    </div>
  <//>`;
}

/** Ask the API whether the spec would do: {error: {field, text, whole}, said, check(all), show(error)}.
 *
 * `check` returns what saving would do, null if it would not do.  Unless `all`, only what is wrong with
 * fields that have been changed is told: nobody wants to hear of what they have not come to yet.
 */
function useCheck(spec, begin, isNew) {
  const [{ error, said }, setFound] = useState({ error: null, said: "" });
  const latest = useRef({ number: 0, checked: begin });

  // Seen at once; what else is wrong is found at the next check.
  useEffect(() => {
    if (error && (error.field === "" || spec[rootOf(error.field)] !== error.value)) setFound({ error: null, said: "" });
  }, [spec]);

  const show = (wrong) => {
    const found = { ...wordsOf(wrong), value: spec[rootOf(wrong.field ?? "")] };
    setFound({ error: found, said: "" });
    setTimeout(focusWrong, 60); // A part that holds it has to open first.
  };
  const check = async (all) => {
    if (!all && (latest.current.checked === spec || !spec.name || !spec.cmd?.length)) return null;
    latest.current.checked = spec;
    const number = ++latest.current.number;
    const { plan, wrong } = await dryRun(spec, isNew);
    if (number !== latest.current.number) return null;
    if (!wrong) setFound({ error: null, said: isNew ? "" : summaryOf(plan) });
    else if (all) show(wrong);
    else if (wrong.field && spec[rootOf(wrong.field)] !== begin[rootOf(wrong.field)]) setFound({ error: { ...wordsOf(wrong), value: spec[rootOf(wrong.field)] }, said: "" });
    return wrong ? null : plan;
  };
  return { error, said, check, show };
}

async function dryRun(spec, isNew) {
  if (!spec.name?.trim()) return { wrong: { field: "name", message: "The task needs a name" } };
  try {
    const plan = await put(taskPath(spec.name), spec, { dry_run: 1 });
    if (isNew && plan.result !== "created") return { wrong: { field: "name", message: "There is a task of that name already" } };
    return { plan };
  } catch (wrong) {
    if (!(wrong instanceof ApiError)) throw wrong;
    return { wrong };
  }
}

/** What is wrong, as it is said at the field (which need not be named there) and by itself. */
function wordsOf({ field = "", message }) {
  const short = message.replace(/^`[^`]*` is not valid: /, "").replace(/^`[^`]*` (is missing)/, "$1");
  const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  return { field, text: upper(short), whole: upper(message) };
}

const summaryOf = ({ changes, restarts }) =>
  changes.length ? `${count(changes.length, "change")}: ${changes.map((change) => change.field).join(", ")}. ${restarts.length ? `Restarts ${count(restarts.length, "replica")}.` : "Restarts nothing."}` : "";

function focusWrong() {
  const place = [...document.querySelectorAll(".edit [data-wrong]")].at(-1);
  const input = place?.querySelector("[aria-invalid], input, select, textarea") ?? place;
  input?.focus({ preventScroll: true });
  place?.scrollIntoView({ block: "center" });
}
