// The last lines that a task wrote, live.
import { html, useEffect, useState } from "../../lib.js";
import { exists } from "../../routes.js";
import { href } from "../../router.js";
import { followShown } from "../../shown.js";
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

/** Show what comes, at most ten times a second, while the page is there. */
function follow(name, show, abort) {
  let [kept, timer] = [[], 0];
  const soon = () => {
    timer ||= setTimeout(() => {
      timer = 0;
      if (!abort.aborted) show(kept);
    }, 100);
  };
  const how = {
    query: () => ({ task: name, tail: LINES, follow: true }),
    begin: () => {
      kept = [];
      soon();
    },
    take: (line) => {
      if (line.marker) return;
      kept = [...kept.slice(1 - LINES), { ...line, text: line.text ?? "", key: ++key }];
      soon();
    },
    missing: () => show([]),
  };
  return followShown("/v1/logs", how, abort);
}
