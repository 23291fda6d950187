// The replicas of a task, each with what can be done to it alone.
import { act } from "../../actions.js";
import { html } from "../../lib.js";
import { Action, Section, Since, State, Until } from "../basics.js";

const MOST = 20;

export function Replicas({ task }) {
  const { replicas } = task;
  const ready = replicas.filter((one) => one.ready).length;
  const aside = html`<span class="muted small">${ready} of ${replicas.length} ready</span>`;
  return html`<${Section} title="Replicas" aside=${aside} class="task-replicas">
    <table class="table">
      <thead><tr>
        <th>Replica</th><th>State</th><th class="number">Pid</th><th class="number">Uptime</th>
        <th class="number">Restarts</th><th class="wide">Last exit</th><th><span class="visually-hidden">Actions</span></th>
      </tr></thead>
      <tbody>${replicas.slice(0, MOST).map((one) => html`<${Replica} key=${one.alias} replica=${one} />`)}</tbody>
    </table>
    ${replicas.length > MOST && html`<p class="empty">and ${replicas.length - MOST} more</p>`}
  <//>`;
}

function Replica({ replica: r }) {
  const does = (verb, words) => () => act(verb, [r.alias], { words: `${words} ${r.alias}` });
  const pending = !["down", "failed"].includes(r.state);
  const state = r.state === "up" && !r.ready ? "starting" : r.state;
  return html`<tr>
    <td class="replica-name">${r.alias}</td>
    <td><${State} state=${state} /><${Reason} replica=${r} /></td>
    <td class="number">${r.pid ?? ""}</td>
    <td class="number nowrap">${r.started ? html`<${Since} at=${r.started} />` : ""}</td>
    <td class="number">${r.restarts || ""}</td>
    <td class="wide muted">${r.last_exit?.text ?? ""}</td>
    <td class="number nowrap">
      ${pending
        ? html`<${Action} kind="quiet small" aria-label=${`Restart ${r.alias}`} onClick=${does("restart", "Restarting")}>Restart<//>
            <${Action} kind="quiet small" aria-label=${`Stop ${r.alias}`} onClick=${does("stop", "Stopping")}>Stop<//>`
        : html`<${Action} kind="quiet small" aria-label=${`Start ${r.alias}`} onClick=${does("start", "Starting")}>Start<//>`}
    </td>
  </tr>`;
}

function Reason({ replica: r }) {
  const again = r.next_restart ? html`${" "}<span class="nowrap">again <${Until} at=${r.next_restart} /></span>` : null;
  if (!again && (!r.reason || r.reason === r.last_exit?.text)) return null;
  return html`<div class="small muted replica-reason">${r.reason}${again && html`${r.reason ? "," : ""}${again}`}</div>`;
}
