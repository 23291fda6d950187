// Dialogs: the browser's own, which keep the focus and close with Escape.
import { html, signal, useLayoutEffect, useRef, useState } from "../lib.js";

/** A dialog that is open while it is there; `onClose` is called when the user closes it. */
export function Dialog({ title, onClose, children, class: name = "" }) {
  const ref = useRef(null);
  // Before the first paint, so that no key goes to the page behind.
  useLayoutEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  const outside = (event) => event.target === ref.current && onClose();
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  // A browser may close a dialog without asking, when nobody has done anything in it yet.
  const escape = (event) => event.key === "Escape" && cancel(event);
  return html`<dialog ref=${ref} class=${`dialog ${name}`} aria-labelledby="dialog-title"
    onCancel=${cancel} onKeyDown=${escape} onClick=${outside}>
    <div class="dialog-body">
      <header class="dialog-head">
        <h2 id="dialog-title">${title}</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick=${onClose}>✕</button>
      </header>
      ${children}
    </div>
  </dialog>`;
}

const asked = signal(null);

/** Ask something; resolves to null if the user thinks better of it.
 *
 * {title, text, action: what the button says, danger, field?: {label, value, type, min, options}}.
 * With a field it resolves to the field's text, else to true.
 */
export function ask(question) {
  return new Promise((resolve) => {
    const answer = (value) => {
      asked.value = null;
      resolve(value);
    };
    asked.value = { ...question, answer };
  });
}

/** Where `ask` shows its question; the app has one. */
export function Questions() {
  const question = asked.value;
  return question && html`<${Question} key=${question.title} question=${question} />`;
}

function Question({ question }) {
  const { title, text, action, danger, field, answer } = question;
  const [value, setValue] = useState(field ? String(field.value ?? "") : "");
  const submit = (event) => {
    event.preventDefault();
    answer(field ? value : true);
  };
  return html`<${Dialog} title=${title} onClose=${() => answer(null)}>
    <form onSubmit=${submit}>
      ${text && html`<p>${text}</p>`}
      ${field && html`<${Field} field=${field} value=${value} onInput=${setValue} />`}
      <div class="dialog-actions">
        <button type="button" class="button" onClick=${() => answer(null)}>Cancel</button>
        <button type="submit" class=${`button ${danger ? "danger" : "primary"}`}>${action}</button>
      </div>
    </form>
  <//>`;
}

function Field({ field, value, onInput }) {
  const { label, options, ...rest } = field;
  const input = (event) => onInput(event.target.value);
  if (options) {
    return html`<label class="field"><span>${label}</span>
      <select value=${value} onChange=${input}>${options.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select>
    </label>`;
  }
  return html`<label class="field"><span>${label}</span>
    <input ...${rest} value=${value} onInput=${input} required autofocus />
  </label>`;
}
