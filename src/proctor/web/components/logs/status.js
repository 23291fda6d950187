// The line below the logs: whether it is live, how much there is, and what follows the end.
import { bytes, count } from "../../format.js";
import { html } from "../../lib.js";

const WORDS = {
  loading: ["connecting", "loading"],
  live: ["live", "live"],
  paused: ["paused", "paused"],
  reconnecting: ["reconnecting", "reconnecting"],
  past: ["idle", "not at the end"],
  failed: ["bad", "failed"],
};

export function Status({ log }) {
  log.version.value;
  const [state, words] = WORDS[log.loading.value ? "loading" : log.status.value];
  const paused = log.paused.value;
  return html`<div class="logs-status">
    <span class="logs-state" role="status" data-state=${state}><span class="dot" aria-hidden="true"></span>${words}</span>
    <span class="muted clip">${extent(log)}</span>
    <span class="spacer"></span>
    <button type="button" class="button small" aria-pressed=${paused} title="Let nothing new in (p)" onClick=${() => log.pause(!paused)}>${paused ? "Resume" : "Pause"}</button>
    <button type="button" class="button small" aria-pressed=${log.following.value} title="Stick to the end (f)" onClick=${() => log.follow(!log.following.peek())}>Follow</button>
  </div>`;
}

function extent(log) {
  if (!log.blocks.length) return "";
  if (log.first && log.last) return count(log.lines.length, "line").replace(/^\d+/, thousands);
  const around = log.bytesBefore + log.bytesAfter;
  const lines = log.lines.length + around * log.density;
  const size = around + log.blocks.reduce((sum, one) => sum + one.bytes, 0);
  const scale = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, lines))) - 1);
  return `about ${thousands(Math.round(lines / scale) * scale)} lines in ${bytes(size)}`;
}

const thousands = (n) => Number(n).toLocaleString("en").replaceAll(",", " ");

/** Says that there is more below, and goes there. */
export function NewLines({ log }) {
  log.version.value;
  const { value: unseen } = log.unseen;
  if (log.following.value || !log.blocks.length || (log.last && unseen === 0)) return null;
  const words = log.last ? `${thousands(unseen)} new ${unseen === 1 ? "line" : "lines"}` : "To the end";
  return html`<button type="button" class="button logs-new" onClick=${() => log.follow(true)}><span aria-hidden="true">↓</span>${words}</button>`;
}
