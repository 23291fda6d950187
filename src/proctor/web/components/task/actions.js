// What can be done with a task.
import { act } from "../../actions.js";
import { count } from "../../format.js";
import { html } from "../../lib.js";
import { exists } from "../../routes.js";
import { go, href } from "../../router.js";
import { Action } from "../basics.js";
import { ask } from "../dialog.js";

const SIGNALS = ["HUP", "INT", "TERM", "KILL", "USR1", "USR2", "QUIT", "STOP", "CONT", "WINCH"];

export function Actions({ task }) {
  const { name, spec, replicas } = task;
  const alive = replicas.filter((one) => one.pid !== null).length;
  const pending = replicas.some((one) => !["down", "failed"].includes(one.state));
  const enabled = spec.enabled !== false;
  const runs = spec.type !== "daemon";
  // What runs once is run; what has a schedule is started already while it waits for its time.
  const startable = !pending && spec.type !== "once" && task.state !== "scheduled";
  const does = (verb, words, query) => () => act(verb, [name], { words: `${words} ${name}`, query });

  const scale = async () => {
    const field = { label: "Replicas", value: spec.replica ?? 1, type: "number", min: 0, step: 1 };
    const given = await ask({ title: `Scale ${name}`, field, action: "Scale" });
    if (given !== null) await does("scale", `Scaling to ${given}:`, { replica: Number(given) })();
  };
  const signal = async () => {
    const text = `Sent to ${count(alive, "replica")}.`;
    const field = { label: "Signal", value: "HUP", options: SIGNALS };
    const given = await ask({ title: `Send ${name} a signal`, text, field, action: "Send" });
    if (given !== null) await does("signal", `Sending ${given} to`, { signal: given })();
  };
  const remove = async () => {
    const text = alive
      ? `It is stopped first: ${count(alive, "replica")} of it ${alive === 1 ? "is" : "are"} alive. What it wrote is kept.`
      : "What it wrote is kept.";
    if (!(await ask({ title: `Delete ${name}?`, text, action: "Delete", danger: true }))) return;
    if ((await does("delete", "Deleting")())?.state === "done") go("#/");
  };

  return html`<div class="task-actions" role="group" aria-label="Actions">
    ${startable && html`<${Action} kind="primary" onClick=${does("start", "Starting")}>Start<//>`}
    ${pending && html`<${Action} onClick=${does("stop", "Stopping")}>Stop<//>`}
    ${pending && html`<${Action} onClick=${does("restart", "Restarting")}>Restart<//>`}
    ${runs && html`<${Action} kind=${pending || startable ? "" : "primary"} onClick=${does("run", "Running")}>Run now<//>`}
    <${Action} onClick=${scale}>Scale…<//>
    <${Action} onClick=${signal} disabled=${alive === 0}>Signal…<//>
    <${Action} onClick=${enabled ? does("disable", "Disabling") : does("enable", "Enabling")}>${enabled ? "Disable" : "Enable"}<//>
    ${exists(`/edit/${name}`) && html`<a class="button" href=${href("/edit", name)}>Edit</a>`}
    <${Action} kind="danger" onClick=${remove}>Delete…<//>
  </div>`;
}
