// The last lines that a task wrote, live.
import { stream } from "../../api.js";
import { html, useEffect, useState } from "../../lib.js";
import { exists } from "../../routes.js";
import { href } from "../../router.js";
import { Empty, Section } from "../basics.js";

const LINES = 12;
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])/g;

export function LastLines({ name }) {
  const [lines, setLines] = useState(null);
  useEffect(() => {
    const abort = new AbortController();
    follow(name, setLines, abort.signal);
    return () => abort.abort();
  }, [name]);
  const all = exists("/logs") && html`<a class="small" href=${href("/logs", { task: name })}>All of its log</a>`;
  return html`<${Section} title="Last lines" aside=${all}>
    ${lines?.length
      ? html`<pre class="last-lines" tabindex="0" aria-label="Last lines">${lines.map((line) => html`<div key=${line.key}><span class="muted">${line.replica}</span>${line.text.replace(ESCAPES, "") || " "}</div>`)}</pre>`
      : lines && html`<${Empty}>It has not written anything yet.<//>`}
  <//>`;
}

let key = 0;

/** Show what comes, at most ten times a second; begin again while the page is there. */
async function follow(name, show, abort) {
  let [kept, timer] = [[], 0];
  const flush = () => {
    timer = 0;
    if (!abort.aborted) show(kept);
  };
  while (!abort.aborted) {
    kept = [];
    try {
      const lines = await stream("/v1/logs", { query: { task: name, tail: LINES, follow: true }, signal: abort });
      timer ||= setTimeout(flush, 100);
      for await (const event of lines) {
        if (event === null || event.data.marker) continue;
        kept = [...kept.slice(1 - LINES), { ...event.data, text: event.data.text ?? "", key: ++key }];
        timer ||= setTimeout(flush, 100);
      }
    } catch (error) {
      if (abort.aborted) return;
      if (error.status === 404) show([]);
    }
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
}
