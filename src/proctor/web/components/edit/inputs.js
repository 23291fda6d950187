// Inputs of the form.  Each keeps what is typed as text, and tells the spec what that means.
//
// The form is made anew (by a key) when its spec comes from elsewhere, so none has to look back.
import { createContext, html, useContext, useEffect, useId, useRef, useState } from "../../lib.js";
import { concerns, getIn } from "../../specpath.js";

/** {spec, set(path, value), error: {field, text} or null, isNew}. */
export const Form = createContext(null);

export const useForm = () => useContext(Form);

/** What is wrong with the value at `path`, "" if nothing is known to be. */
export function useError(path, exact = false) {
  const { error } = useForm();
  if (!error?.field) return "";
  return (exact ? error.field === path : concerns(error.field, path)) ? error.text : "";
}

/** A label, an input, a hint and what is wrong. */
export function Field({ path, label, hint, class: name = "", exact = false, children }) {
  const id = useId();
  const wrong = useError(path, exact);
  const about = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
  const attributes = { id, "aria-describedby": about, "aria-invalid": wrong ? "true" : undefined, "data-path": path };
  return html`<div class=${`field edit-field ${name}`} data-wrong=${wrong ? path : undefined}>
    <label for=${id}>${label}</label>
    ${children(attributes)}
    ${hint && html`<span class="edit-hint" id=${`${id}-hint`}>${hint}</span>`}
    ${wrong && html`<span class="edit-wrong" id=${`${id}-wrong`} role="alert">${wrong}</span>`}
  </div>`;
}

/** Text; `means(text)` is the value, by default the text, undefined if it is empty. */
export function TextField({ path, label, hint, means = plain, shows = String, class: name, list, ...rest }) {
  const { spec, set } = useForm();
  const value = getIn(spec, path);
  const [text, setText] = useState(value === undefined || value === null ? "" : shows(value));
  const input = (event) => {
    setText(event.target.value);
    set(path, means(event.target.value));
  };
  return html`<${Field} path=${path} label=${label} hint=${hint} class=${name}>
    ${(attributes) => html`<input ...${attributes} ...${rest} list=${list} value=${text} onInput=${input} autocomplete="off" spellcheck=${false} />`}
  <//>`;
}

const plain = (text) => (text.trim() === "" ? undefined : text);

/** A number if it is one; what is none the API has to complain about. */
export function numberOf(text) {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  return Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

export const NumberField = ({ unit, label, ...rest }) => html`<${TextField} ...${rest} label=${unit ? html`${label} <span class="muted">${unit}</span>` : label}
  inputmode="decimal" class="edit-short" means=${numberOf} />`;

/** Several lines of text, or of a list: one a line. */
export function AreaField({ path, label, hint, rows = 2, lines = false, placeholder, class: name }) {
  const { spec, set } = useForm();
  const value = getIn(spec, path);
  const [text, setText] = useState(lines ? (value ?? []).join("\n") : (value ?? ""));
  const input = (event) => {
    const given = event.target.value;
    setText(given);
    const list = given.split("\n").filter((line) => line.trim() !== "");
    set(path, lines ? (list.length ? list : undefined) : plain(given));
  };
  return html`<${Field} path=${path} label=${label} hint=${hint} class=${name}>
    ${(attributes) => html`<textarea ...${attributes} class="mono" rows=${Math.max(rows, Math.min(12, text.split("\n").length))} placeholder=${placeholder} value=${text} onInput=${input} spellcheck=${false}></textarea>`}
  <//>`;
}

/** [[value, text], ...]; the value "" is none. */
export function SelectField({ path, label, hint, options, onPick, class: name }) {
  const { spec, set } = useForm();
  const value = getIn(spec, path) ?? "";
  const pick = (event) => (onPick ?? ((one) => set(path, one === "" ? undefined : one)))(event.target.value);
  return html`<${Field} path=${path} label=${label} hint=${hint} class=${name}>
    ${(attributes) => html`<select ...${attributes} value=${value} onChange=${pick}>
      ${options.map(([one, text]) => html`<option key=${one} value=${one} selected=${one === value}>${text}</option>`)}
    </select>`}
  <//>`;
}

/** `usual` is what holds if the spec says nothing. */
export function CheckField({ path, label, hint, usual = false }) {
  const { spec, set } = useForm();
  const wrong = useError(path);
  const on = getIn(spec, path) ?? usual;
  return html`<div class="edit-check" data-wrong=${wrong ? path : undefined}>
    <label><input type="checkbox" data-path=${path} checked=${on} onChange=${(event) => set(path, event.target.checked === usual ? undefined : event.target.checked)} />
      <span>${label}</span></label>
    ${hint && html`<span class="edit-hint">${hint}</span>`}
    ${wrong && html`<span class="edit-wrong" role="alert">${wrong}</span>`}
  </div>`;
}

let keys = 0;

/** Rows of a list: `columns` [{name, label, kind: "text" | "check" | "select", ...}].
 *
 * `from` are the rows at first (objects by the columns' names); `to(rows)` is told at each change,
 * with those that are not empty.  `path` and an index is where what is wrong with a row is said.
 */
export function Rows({ path, label, columns, from, to, add, children }) {
  const [rows, setRows] = useState(() => from.map((row) => ({ ...row, key: ++keys })));
  const wrong = useError(path, true);
  const box = useRef(null);
  const added = useRef(false);
  const change = (next) => {
    setRows(next);
    to(next.filter((row) => !isEmpty(row, columns)));
  };
  useEffect(() => {
    if (added.current) box.current.querySelector(".edit-row:last-of-type input, .edit-row:last-of-type select")?.focus();
    added.current = false;
  }, [rows.length]);
  const put = (key, some) => change(rows.map((row) => (row.key === key ? { ...row, ...some } : row)));
  const remove = (key) => change(rows.filter((row) => row.key !== key));
  const append = () => {
    added.current = true;
    setRows([...rows, { key: ++keys }]);
  };
  let index = -1;
  return html`<div class="edit-rows" role="group" aria-label=${label} ref=${box} data-wrong=${wrong ? path : undefined}>
    ${rows.map((row, n) => {
      if (!isEmpty(row, columns)) index += 1;
      return html`<${Row} key=${row.key} row=${row} number=${n + 1} path=${`${path}[${isEmpty(row, columns) ? -1 : index}]`} label=${label} columns=${columns} put=${put} remove=${remove} />`;
    })}
    ${wrong && html`<span class="edit-wrong" role="alert">${wrong}</span>`}
    <button type="button" class="button small" onClick=${append}>${add}</button>
    ${children}
  </div>`;
}

const isEmpty = (row, columns) => columns.every(({ name, kind = "text" }) => kind !== "text" || !row[name]?.trim());

function Row({ row, number, path, label, columns, put, remove }) {
  const wrong = useError(path);
  const shown = columns.filter(({ when }) => !when || when(row));
  return html`<div class="edit-row" role="group" aria-label=${`${label} ${number}`} data-wrong=${wrong ? path : undefined}>
    ${shown.map((column) => html`<${Cell} key=${column.name} column=${column} row=${row} wrong=${wrong} put=${put} />`)}
    <button type="button" class="icon-button" aria-label=${`Remove ${label} ${number}`} onClick=${() => remove(row.key)}>✕</button>
    ${wrong && html`<span class="edit-wrong" role="alert">${wrong}</span>`}
  </div>`;
}

function Cell({ column, row, wrong, put }) {
  const { name, label, kind = "text", options, list, placeholder, width, secret } = column;
  const set = (value) => put(row.key, { [name]: value });
  if (kind === "check") {
    return html`<label class="edit-cell-check"><input type="checkbox" checked=${row[name] ?? false} onChange=${(event) => set(event.target.checked)} /> ${label}</label>`;
  }
  if (kind === "select") {
    const value = row[name] ?? options[0][0];
    return html`<select class="select" aria-label=${label} value=${value} onChange=${(event) => set(event.target.value)}>
      ${options.map(([one, text]) => html`<option key=${one} value=${one} selected=${one === value}>${text}</option>`)}</select>`;
  }
  return html`<input class="input" style=${{ flex: width ?? 1 }} type=${secret?.(row) ? "password" : "text"} aria-label=${label} placeholder=${placeholder?.(row) ?? label} list=${list}
    aria-invalid=${wrong ? "true" : undefined} value=${row[name] ?? ""} onInput=${(event) => set(event.target.value)} autocomplete="off" spellcheck=${false} />`;
}
