// Small parts that every page uses.
import { fullMoment, moment, ticking } from "../format.js";
import { html, useComputed, useEffect, useRef, useState } from "../lib.js";
import { now } from "../live.js";

/** A state of a task or a replica: a dot and the word, so that colour alone says nothing. */
export function State({ state }) {
  return html`<span class="state" data-state=${state}><span class="dot" aria-hidden="true"></span>${state}</span>`;
}

/** A button that is busy until what it does is done. */
export function Action({ onClick, children, kind = "", ...rest }) {
  const [busy, setBusy] = useState(false);
  const there = useRef(true);
  useEffect(() => () => (there.current = false), []);
  const run = async (event) => {
    if (busy) return;
    setBusy(true);
    try {
      await onClick(event);
    } finally {
      if (there.current) setBusy(false);
    }
  };
  return html`<button type="button" class=${`button ${kind}`} aria-busy=${busy} onClick=${run} ...${rest}>
    ${children}
  </button>`;
}

/** A moment in unix seconds, in full when pointed at. */
export function Moment({ at }) {
  if (!at) return null;
  return html`<time datetime=${new Date(at * 1000).toISOString()} title=${fullMoment(at)}>${moment(at)}</time>`;
}

/** How long it is since a moment; ticks. */
export function Since({ at }) {
  const text = useComputed(() => ticking(Math.max(0, now.value - at)));
  return html`<span title=${`since ${fullMoment(at)}`}>${text}</span>`;
}

/** How long it is until a moment; ticks. */
export function Until({ at }) {
  const text = useComputed(() => (at <= now.value ? "now" : `in ${ticking(at - now.value)}`));
  return html`<span title=${fullMoment(at)}>${text}</span>`;
}

/** A part of a page with a heading. */
export function Section({ title, children, aside = null, class: name = "" }) {
  return html`<section class=${`section ${name}`}>
    <header class="section-head"><h2>${title}</h2>${aside}</header>
    ${children}
  </section>`;
}

/** What could not be had, and why. */
export function Failure({ error, retry }) {
  return html`<div class="failure" role="alert">
    <p>${error.message}</p>
    ${retry && html`<button type="button" class="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

/** One of a few choices: [[value, label], ...]. */
export function Choice({ label, options, value, onChange }) {
  return html`<div class="choice" role="group" aria-label=${label}>
    ${options.map(
      ([one, text]) => html`<button
        type="button" key=${one} aria-pressed=${one === value} onClick=${() => onChange(one)}
      >${text}</button>`,
    )}
  </div>`;
}
