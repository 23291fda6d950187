// What saving would change, and restart.
import { count } from "../../format.js";
import { html } from "../../lib.js";
import { Difference } from "../difference.js";

/** `plan` as PUT ... ?dry_run=1 answers. */
export function Review({ plan }) {
  const { changes, restarts, stops } = plan;
  if (!changes.length) return html`<p class="muted">Nothing is different from what the task is.</p>`;
  return html`<div class="review">
    <${Difference} changes=${changes} />
    <p class=${restarts.length || stops.length ? "review-what warn" : "review-what"}>${what(plan)}</p>
  </div>`;
}

function what({ changes, restarts, stops }) {
  const said = [told(restarts, "restarted"), told(stops, "stopped")].filter(Boolean);
  if (said.length) return said.join("; ");
  return changes.some((change) => change.restarts) ? "Nothing is restarted: nothing of it runs, or its next run goes by it." : "Nothing is restarted: all of it holds at once.";
}

/** Of many the first ones. */
function told(aliases, how) {
  const first = `${aliases.slice(0, 8).join(", ")}${aliases.length > 8 ? " …" : ""}`;
  return aliases.length ? `${count(aliases.length, "replica")} will be ${how}: ${first}` : "";
}
