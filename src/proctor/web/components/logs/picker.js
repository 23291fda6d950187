// Which tasks' logs: a field that completes names and takes selectors as they are typed.
import { html, useId, useRef, useState } from "../../lib.js";
import { names, taskOf, tasks } from "../../live.js";

const MOST = 40;

/** Return what /v1/logs is asked for these selectors: names, `ns:shop`, `tier=front`. */
export function asSelection(chosen) {
  const [namespaces, labels] = [chosen.filter((one) => one.startsWith("ns:")), chosen.filter((one) => one.includes("="))];
  return {
    task: chosen.filter((one) => !namespaces.includes(one) && !labels.includes(one)).join(","),
    namespace: namespaces.map((one) => one.slice(3)).join(","),
    label: labels.join(","),
  };
}

/** Whether one task is chosen, or one replica, by its name. */
export const isOne = (chosen) => chosen.length === 1 && !/[*?[=]|^ns:/.test(chosen[0]);

/** `chosen`: selectors, none for all tasks. */
export function Picker({ chosen, onChange }) {
  const input = useRef(null);
  const list = useId();
  const [typed, type] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const options = open ? suggestions(typed.trim(), chosen) : [];
  const close = () => (setOpen(false), setAt(-1));
  const add = (name) => {
    type("");
    setAt(-1);
    if (name && !chosen.includes(name)) onChange([...chosen, name]);
    input.current.focus();
  };
  const onKey = (event) => {
    if (event.key === "Backspace" && !typed && chosen.length) onChange(chosen.slice(0, -1));
    else if (event.key === "Escape") open ? close() : input.current.blur();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) setOpen(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      const n = options.length;
      if (n) setAt(at < 0 && step < 0 ? n - 1 : (at + step + n) % n);
    } else if (event.key === "Enter" || event.key === ",") {
      event.preventDefault();
      const text = typed.trim().replace(/,$/, "");
      if (options[at]) add(options[at].value);
      else if (text) add(text);
    }
  };
  return html`<div class="logs-picker" onFocusOut=${(event) => !event.currentTarget.contains(event.relatedTarget) && close()}>
    <div class="logs-chosen" onClick=${(event) => event.target === event.currentTarget && input.current.focus()}>
      ${chosen.map(
        (name) => html`<span class="logs-chip" key=${name}>${name}<button type="button" aria-label=${`Without ${name}`} onClick=${() => onChange(chosen.filter((one) => one !== name))}>✕</button></span>`,
      )}
      <input ref=${input} role="combobox" aria-expanded=${open && options.length > 0} aria-controls=${list} aria-autocomplete="list"
        aria-activedescendant=${options[at] ? `${list}-${at}` : undefined} aria-label="Tasks whose logs are shown" autocomplete="off" spellcheck=${false}
        placeholder=${chosen.length ? "Add a task" : "All tasks"} title="A name, a replica as web:0, a pattern as shop-*, ns:shop, tier=front" value=${typed}
        onInput=${(event) => (type(event.target.value), setOpen(true), setAt(-1))} onFocus=${() => setOpen(true)} onClick=${() => setOpen(true)} onKeyDown=${onKey} />
    </div>
    <ul class="logs-options" id=${list} role="listbox" aria-label="Tasks" hidden=${!options.length}>
      ${options.map(
        ({ value, state }, n) => html`<li key=${value} id=${`${list}-${n}`} role="option" aria-selected=${n === at} data-state=${state}
          onMouseDown=${(event) => event.preventDefault()} onClick=${() => add(value)}><span class="dot" aria-hidden="true"></span><span class="clip">${value}</span><span class="muted">${state}</span></li>`,
      )}
    </ul>
  </div>`;
}

/** Return what fits what is typed: names, and of one that is named, or with a colon, the replicas. */
function suggestions(typed, chosen) {
  if (typed.startsWith("ns:")) {
    const spaces = new Set(tasks.value.map((task) => `ns:${task.namespace}`).filter((one) => one.startsWith(typed)));
    return [...spaces].sort().filter((value) => !chosen.includes(value)).map((value) => ({ value, state: "" }));
  }
  const [name, index] = typed.toLowerCase().split(":", 2);
  const found = [];
  for (const one of names.value) {
    if (!one.toLowerCase().includes(name)) continue;
    const task = taskOf(one);
    if (!task) continue;
    if (index === undefined) found.push({ value: one, state: task.state });
    if (index !== undefined || (typed === one && task.replicas > 1)) {
      for (let n = 0; n < task.replicas; n += 1) {
        if (String(n).startsWith(index ?? "")) found.push({ value: `${one}:${n}`, state: task.state });
      }
    }
  }
  return found.filter(({ value }) => !chosen.includes(value)).slice(0, MOST);
}
