// What is different between two specs, field by field, as the API answers it: values are JSON.
import { html } from "../lib.js";

/** `changes`: [{field, before, after, restarts}]; `before` and `after` head the columns. */
export function Difference({ changes, before = "Before", after = "After" }) {
  return html`<div class="scroll-x" tabindex="0" role="group" aria-label="Changes"><table class="table difference">
    <thead><tr><th scope="col">Field</th><th scope="col">${before}</th><th scope="col">${after}</th></tr></thead>
    <tbody>${changes.flatMap(rowsOf).map((row) => html`<tr key=${row.field}>
      <th scope="row"><code>${row.field}</code>${row.restarts && html` <span class="difference-restarts">restarts</span>`}</th>
      <td><del>${row.before}</del></td><td><ins>${row.after}</ins></td></tr>`)}</tbody>
  </table></div>`;
}

/** A change as rows: of an object only what is different in it, as "env.PORT". */
function rowsOf({ field, before, after, restarts }) {
  const [old, next] = [JSON.parse(before), JSON.parse(after)];
  if (!isObject(old) || !isObject(next)) return [{ field, before: short(old), after: short(next), restarts }];
  const different = [...new Set([...Object.keys(old), ...Object.keys(next)])].filter((name) => JSON.stringify(old[name]) !== JSON.stringify(next[name]));
  return different.map((name) => ({ field: `${field}.${name}`, before: short(old[name]), after: short(next[name]), restarts }));
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** A value as one reads it: texts without quotes. */
function short(value) {
  if (value === null || value === undefined || value === "") return "nothing";
  return typeof value === "string" ? value : JSON.stringify(value);
}
