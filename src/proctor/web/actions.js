// Doing things to tasks: one toast says what is being done, then what came of it.
import { get, post, request, taskPath } from "./api.js";
import { count } from "./format.js";
import { toast } from "./toasts.js";

const WAIT = 10;

/** Do a verb of /v1 to tasks or replicas ("web:0"); returns the operation, null if it failed.
 *
 * `words` is what is being done, for the toast: "Stopping web".
 */
export async function act(verb, selectors, { query = {}, words } = {}) {
  const what = selectors.length === 1 ? selectors[0] : count(selectors.length, "task");
  const change = toast(`${words ?? `${verb} ${what}`} …`, "info", 0);
  try {
    let operation = await call(verb, selectors, { ...query, wait: WAIT });
    while (operation.state === "running") {
      operation = await get(`/v1/operations/${operation.id}`, { wait: 30 });
    }
    change(...outcome(words ?? `${verb} ${what}`, operation));
    return operation;
  } catch (error) {
    change(`${words ?? `${verb} ${what}`}: ${error.message}`, "bad");
    return null;
  }
}

function call(verb, selectors, query) {
  if (selectors.length > 1) return post(`/v1/${verb}`, { tasks: selectors }, query);
  const name = selectors[0];
  if (verb === "delete") return request("DELETE", taskPath(name), { query });
  return post(taskPath(name, verb), undefined, query);
}

function outcome(words, operation) {
  const { targets } = operation;
  const failed = targets.filter((target) => target.state === "failed");
  if (operation.state === "done" || !failed.length) {
    const said = targets.length === 1 ? targets[0].reason : "";
    return [`${words}: ${said || "done"}`, "good"];
  }
  const reasons = failed.slice(0, 3).map((target) => `${target.alias}: ${target.reason}`);
  const more = failed.length > 3 ? `, and ${failed.length - 3} more` : "";
  const good = targets.length - failed.length;
  const head = good ? `${good} done, ${failed.length} failed: ` : "";
  return [`${words}: ${head}${reasons.join("; ")}${more}`, "bad"];
}
