// What saving would change, and restart.
import { count } from "../../format.js";
import { html } from "../../lib.js";

/** `plan` as PUT ... ?dry_run=1 answers. */
export function Review({ plan }) {
  const { changes, restarts } = plan;
  if (!changes.length) return html`<p class="muted">Nothing is different from what the task is.</p>`;
  return html`<div class="review">
    <div class="scroll-x" tabindex="0" role="group" aria-label="Changes"><table class="table review-table">
      <thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
      <tbody>${changes.flatMap(rowsOf).map(({ field, before, after, restarts: anew }) => html`<tr key=${field}>
        <th scope="row"><code>${field}</code>${anew && html` <span class="review-restarts">restarts</span>`}</th>
        <td><del>${before}</del></td><td><ins>${after}</ins></td></tr>`)}</tbody>
    </table></div>
    <p class=${restarts.length ? "review-what warn" : "review-what"}>${what(restarts, changes)}</p>
  </div>`;
}

function what(restarts, changes) {
  if (restarts.length) return `${count(restarts.length, "replica")} will be restarted: ${restarts.slice(0, 8).join(", ")}${restarts.length > 8 ? " …" : ""}`;
  return changes.some((change) => change.restarts) ? "Nothing is restarted: nothing of it runs, or its next run goes by it." : "Nothing is restarted: all of it holds at once.";
}

/** A change as rows: of an object only what is different in it, as "env.PORT". */
function rowsOf({ field, before, after, restarts }) {
  const [old, next] = [JSON.parse(before), JSON.parse(after)];
  if (!isObject(old) || !isObject(next)) return [{ field, before: short(old), after: short(next), restarts }];
  const different = [...new Set([...Object.keys(old), ...Object.keys(next)])].filter((name) => JSON.stringify(old[name]) !== JSON.stringify(next[name]));
  // Another secret looks as the one before: both are hidden.
  if (!different.length) return [{ field, before: "hidden", after: "another one, hidden", restarts }];
  return different.map((name) => ({ field: `${field}.${name}`, before: short(old[name]), after: short(next[name]), restarts }));
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** A value as one reads it: texts without quotes. */
function short(value) {
  if (value === null || value === undefined || value === "") return "nothing";
  return typeof value === "string" ? value : JSON.stringify(value);
}
