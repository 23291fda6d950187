// What saving would change, and restart.
import { count } from "../../format.js";
import { html } from "../../lib.js";
import { Difference } from "../difference.js";

/** `plan` as PUT ... ?dry_run=1 answers. */
export function Review({ plan }) {
  const { changes, restarts } = plan;
  if (!changes.length) return html`<p class="muted">Nothing is different from what the task is.</p>`;
  return html`<div class="review">
    <${Difference} changes=${changes} />
    <p class=${restarts.length ? "review-what warn" : "review-what"}>${what(restarts, changes)}</p>
  </div>`;
}

function what(restarts, changes) {
  if (restarts.length) return `${count(restarts.length, "replica")} will be restarted: ${restarts.slice(0, 8).join(", ")}${restarts.length > 8 ? " …" : ""}`;
  return changes.some((change) => change.restarts) ? "Nothing is restarted: nothing of it runs, or its next run goes by it." : "Nothing is restarted: all of it holds at once.";
}
