// What saving would change, and restart.
import { count } from "../../format.js";
import { html } from "../../lib.js";

/** `plan` as PUT ... ?dry_run=1 answers. */
export function Review({ plan }) {
  const { changes, restarts } = plan;
  if (!changes.length) return html`<p class="muted">Nothing is different from what the task is.</p>`;
  return html`<div class="review">
    <div class="scroll-x" tabindex="0" role="group" aria-label="Changes"><table class="table review-table">
      <thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th><th scope="col"><span class="visually-hidden">Restarts</span></th></tr></thead>
      <tbody>${changes.map(({ field, before, after, restarts: anew }) => html`<tr key=${field}>
        <th scope="row"><code>${field}</code></th>
        <td><del>${short(before)}</del></td><td><ins>${short(after)}</ins></td>
        <td>${anew && html`<span class="review-restarts">restarts</span>`}</td></tr>`)}</tbody>
    </table></div>
    <p class=${restarts.length ? "review-what warn" : "review-what"}>${what(restarts, changes)}</p>
  </div>`;
}

function what(restarts, changes) {
  if (restarts.length) return `${count(restarts.length, "replica")} will be restarted: ${restarts.slice(0, 8).join(", ")}${restarts.length > 8 ? " …" : ""}`;
  return changes.some((change) => change.restarts) ? "Nothing is restarted: nothing of it runs, or its next run goes by it." : "Nothing is restarted: all of it holds at once.";
}

/** JSON as one reads it: texts without quotes. */
function short(json) {
  try {
    const value = JSON.parse(json);
    if (value === null || value === "") return "nothing";
    return typeof value === "string" ? value : json;
  } catch {
    return json;
  }
}
