// Downloads: the bytes as they were written, or the lines as they are chosen.
import { send, taskPath, token } from "../../api.js";
import { bytes } from "../../format.js";
import { html, useRef, useSignal } from "../../lib.js";
import { toast } from "../../toasts.js";
import { clock } from "./row.js";

const CHUNK = 1 << 20;
const MOST_LISTED = 12;

/** `replicas`: [[task, index], ...] whose bytes can be had; `named`, `times`: begin lines with those. */
export function Download({ asked, replicas, named, times, filtered }) {
  const menu = useRef(null);
  const busy = useSignal("");
  const run = (work) => async () => {
    menu.current.open = false;
    if (busy.peek()) return;
    busy.value = "…";
    try {
      await work((size) => (busy.value = bytes(size)));
    } catch (error) {
      toast(`The download failed: ${error.message}`, "bad");
    } finally {
      busy.value = "";
    }
  };
  const close = (event) => {
    if (event.key !== "Escape" || !menu.current.open) return;
    event.stopPropagation();
    menu.current.open = false;
    menu.current.querySelector("summary").focus();
  };
  const leave = (event) => {
    if (!menu.current.contains(event.relatedTarget)) menu.current.open = false;
  };
  return html`<details class="logs-menu" ref=${menu} onKeyDown=${close} onFocusOut=${leave}>
    <summary class="button" aria-busy=${busy.value !== ""}>Download${busy.value && html` <span class="muted">${busy}</span>`}</summary>
    <div class="logs-menu-list">
      <button type="button" onClick=${run((progress) => lines(asked, named, times, progress))}>${filtered ? "Lines that are chosen" : "All lines"}<span class="muted">text${times ? ", with times" : ""}</span></button>
      ${replicas.slice(0, MOST_LISTED).map(
        ([task, index]) => html`<button type="button" key=${`${task}:${index}`} onClick=${run(() => raw(task, index))}>${task}:${index}<span class="muted">its bytes, as written</span></button>`,
      )}
    </div>
  </details>`;
}

async function raw(task, index) {
  const path = taskPath(task, "replicas", index, "output");
  // Without a token the browser can fetch it by itself, however large it is.
  if (!token.peek()) save(path, `${task}-${index}.log`);
  else saveBlob(await (await send("GET", path)).blob(), `${task}-${index}.log`);
}

/** Fetch the lines of the whole history that are asked for, as text. */
async function lines(asked, named, times, progress) {
  const response = await send("GET", "/v1/logs", { query: asked, accept: "application/x-ndjson" });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parts = [];
  let [rest, text, size] = ["", "", 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const found = (rest + value).split("\n");
    rest = found.pop();
    for (const one of found) if (one) text += asText(JSON.parse(one), named, times);
    if (text.length < CHUNK) continue;
    parts.push(new Blob([text]));
    size += text.length;
    text = "";
    progress(size);
  }
  saveBlob(new Blob([...parts, text], { type: "text/plain" }), `${fileName(asked)}.txt`);
}

function asText(line, named, times) {
  if (line.marker) return "";
  const at = times ? `${new Date(line.time * 1000).toLocaleDateString("sv")} ${clock(line.time)} ` : "";
  return `${at}${named ? `${line.task}:${line.replica} | ` : ""}${line.text ?? ""}\n`;
}

const fileName = ({ task, run }) => `${(task || "logs").replace(/[^\w.,-]+/g, "-")}${run ? `-run-${run}` : ""}`;

function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  save(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function save(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
