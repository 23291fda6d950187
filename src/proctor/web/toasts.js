// Short messages about what was done, read out by screen readers.
import { html, signal } from "./lib.js";

const toasts = signal([]);
let last = 0;

/** Show a message; `kind` is "info", "good" or "bad".  Returns a function that changes it. */
export function toast(text, kind = "info", seconds = kind === "bad" ? 12 : 5) {
  const id = ++last;
  let timer = 0;
  const remove = () => {
    toasts.value = toasts.peek().filter((one) => one.id !== id);
  };
  const show = (words, sort, long) => {
    clearTimeout(timer);
    const one = { id, text: words, kind: sort, remove };
    const others = toasts.peek().filter((other) => other.id !== id);
    toasts.value = [...others, one].slice(-5);
    if (long) timer = setTimeout(remove, long * 1000);
  };
  show(text, kind, seconds);
  return (words, sort, long = sort === "bad" ? 12 : 5) => show(words, sort, long);
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite" aria-label="Messages">
    ${toasts.value.map(
      (one) => html`<div key=${one.id} class=${`toast toast-${one.kind}`}>
        <span>${one.text}</span>
        <button class="icon-button" aria-label="Close the message" onClick=${one.remove}>✕</button>
      </div>`,
    )}
  </div>`;
}
