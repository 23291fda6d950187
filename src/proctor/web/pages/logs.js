// The logs of one task or of many: live, searched, gone through from end to begin.
import { Download } from "../components/logs/download.js";
import { Search, useFind } from "../components/logs/find.js";
import { ROW } from "../components/logs/layout.js";
import { LogList } from "../components/logs/list.js";
import { Picker, asSelection, isOne } from "../components/logs/picker.js";
import { RunChoice } from "../components/logs/runs.js";
import { NewLines, Status } from "../components/logs/status.js";
import { search } from "../components/logs/text.js";
import { LogWindow } from "../components/logs/window.js";
import { Failure } from "../components/basics.js";
import { useKeys } from "../keys.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { names, onEvents, taskOf } from "../live.js";
import { setQuery } from "../router.js";

const LEVELS = [["", "All levels"], ["debug", "debug, above"], ["info", "info, above"], ["warning", "warning, above"], ["error", "error, above"], ["critical", "critical"]];
const HIDDEN = 30_000; // ms after which a page that nobody sees gives its connection back
const SMALL = "(max-width: 720px)";

export default function Logs({ query }) {
  const chosen = (query.get("task") ?? query.get("tasks") ?? "").split(",").filter(Boolean);
  const [regex, caseful, only] = ["regex", "case", "only"].map((name) => query.get(name) === "1");
  const text = query.get("q") ?? "";
  const run = isOne(chosen) ? (query.get("run") ?? "") : "";
  const level = query.get("level") ?? "";
  const sought = useMemo(() => search(text, { regex, caseful }), [text, regex, caseful]);
  const asked = { ...asSelection(chosen), run, level, grep: only ? sought.grep : "" };
  const log = useLog(asked);
  const [times, turnTimes] = useKept("times", !window.matchMedia(SMALL).matches);
  const [wrap, turnWrap] = useKept("wrap", window.matchMedia(SMALL).matches);
  const scrolls = useScrolls(log);
  const find = useFind(log, sought, scrolls);
  const input = useRef(null);
  useLogKeys({ log, scrolls, input, find, turnTimes, turnWrap });

  log.version.value;
  const replicas = replicasOf(chosen, log);
  const named = !isOne(chosen) || log.names.size > 1;
  return html`<div class="logs-page">
    <div class="logs-bar">
      <h1>Logs</h1>
      <${Picker} chosen=${chosen} onChange=${(next) => setQuery({ task: next.join(","), tasks: "", run: "" })} />
      ${isOne(chosen) && html`<${RunChoice} selector=${chosen[0]} run=${run} onChange=${(value) => setQuery({ run: value })} />`}
    </div>
    <div class="logs-bar">
      <${Search} log=${log} text=${text} regex=${regex} caseful=${caseful} only=${only} sought=${sought} find=${find} input=${input} onChange=${setQuery} />
      <select class="select" aria-label="Level" title="Of JSON lines" value=${level} onChange=${(event) => setQuery({ level: event.target.value })}>
        ${LEVELS.map(([value, words]) => html`<option key=${value} value=${value} selected=${value === level}>${words}</option>`)}
      </select>
      <span class="spacer"></span>
      <button type="button" class="button" aria-pressed=${times} title="Times (t)" onClick=${turnTimes}>Times</button>
      <button type="button" class="button" aria-pressed=${wrap} title="Wrap long lines (w)" onClick=${turnWrap}>Wrap</button>
      <${Download} asked=${asked} replicas=${replicas} named=${named} times=${times} filtered=${Boolean(asked.grep || level || run)} />
    </div>
    <div class="logs-pane section">
      <${LogList} key=${log.id} log=${log} wrap=${wrap} times=${times} named=${named} pattern=${sought.pattern} current=${find.current.value} scrolls=${scrolls} />
      <${Nothing} log=${log} filtered=${Boolean(asked.grep || level)} />
      <${NewLines} log=${log} />
      <${Status} log=${log} />
    </div>
  </div>`;
}

let windows = 0;

/** Return the window on what is asked for: another one when that changes. */
function useLog(asked) {
  const key = JSON.stringify(asked);
  const log = useMemo(() => Object.assign(new LogWindow(asked), { id: ++windows }), [key]);
  useEffect(() => {
    log.openEnd();
    let timer = 0;
    // A task that was not there may have come.
    const end = onEvents((event) => {
      const hopeful = event === null || /^task\.|\.up$/.test(event.kind);
      if (log.status.peek() !== "failed" || timer || !hopeful) return;
      timer = setTimeout(() => {
        timer = 0;
        log.openEnd();
      }, 1000);
    });
    let hiding = 0;
    const look = () => {
      clearTimeout(hiding);
      if (document.hidden) hiding = setTimeout(() => log.rest(true), HIDDEN);
      else log.rest(false);
    };
    document.addEventListener("visibilitychange", look);
    return () => {
      end();
      clearTimeout(timer);
      clearTimeout(hiding);
      document.removeEventListener("visibilitychange", look);
      log.close();
    };
  }, [log]);
  return log;
}

/** A switch that is remembered by this browser. */
function useKept(name, usual) {
  const key = `proctor.logs.${name}`;
  const [on, set] = useState(() => {
    try {
      const kept = localStorage.getItem(key);
      return kept === null ? usual : kept === "1";
    } catch {
      return usual;
    }
  });
  const turn = () =>
    set((before) => {
      try {
        localStorage.setItem(key, before ? "0" : "1");
      } catch {
        // It holds for this page then.
      }
      return !before;
    });
  return [on, turn];
}

/** Where the list is scrolled to, as it says itself with each rendering. */
function useScrolls(log) {
  const scrolls = useRef({});
  scrolls.current.visible = () => {
    const { scroller, place } = scrolls.current;
    if (!scroller || !log.lines.length) return [log.base, log.base];
    const y = scroller.scrollTop - place.top;
    const [first, last] = [place.at(y + ROW - 1), place.at(y + scroller.clientHeight - ROW)];
    return [log.base + first, log.base + Math.max(first, last)];
  };
  return scrolls;
}

function useLogKeys({ log, scrolls, input, find, turnTimes, turnWrap }) {
  const by = (rows) => () => {
    if (rows < 0) log.follow(false);
    scrolls.current.scroller?.scrollBy(0, rows * ROW);
  };
  useKeys([
    { keys: ["/"], label: "Search", run: () => (input.current.focus(), input.current.select()) },
    { keys: ["n"], label: "Match below", run: () => find.next(false) },
    { keys: ["N"], label: "Match above", run: () => find.next(true) },
    { keys: ["f"], label: "Follow the end", run: () => log.follow(!log.following.peek()) },
    { keys: ["p"], label: "Pause", run: () => log.pause(!log.paused.peek()) },
    { keys: ["w"], label: "Wrap long lines", run: turnWrap },
    { keys: ["t"], label: "Times", run: turnTimes },
    { keys: ["j"], label: "A line down", run: by(1) },
    { keys: ["k"], label: "A line up", run: by(-1) },
    { keys: ["g"], label: "To the beginning", run: () => log.toBegin() },
    { keys: ["G"], label: "To the end", run: () => log.follow(true) },
  ]);
}

/** Return [[task, index]] of the replicas chosen: those that have written, and those there are. */
function replicasOf(chosen, log) {
  const found = new Set(log.names.keys());
  for (const selector of chosen) {
    const [name, index] = selector.split(":", 2);
    if (!names.value.includes(name)) continue;
    const count = taskOf(name)?.replicas ?? 0;
    for (let n = 0; n < count; n += 1) if (index === undefined || index === String(n)) found.add(`${name}:${n}`);
  }
  return [...found].sort().map((one) => [one.slice(0, one.lastIndexOf(":")), one.slice(one.lastIndexOf(":") + 1)]);
}

/** Why there is nothing to see. */
function Nothing({ log, filtered }) {
  log.version.value;
  if (log.status.value === "failed" && log.error.value) {
    return html`<div class="logs-nothing"><${Failure} error=${log.error.value} retry=${() => log.openEnd()} /></div>`;
  }
  if (log.loading.value || log.lines.length) return null;
  if (!log.first || !log.last) {
    const done = 1 - (log.bytesBefore + log.bytesAfter) / Math.max(1, log.bytesBefore + log.bytesAfter + log.blocks.reduce((sum, one) => sum + one.bytes, 0));
    return html`<p class="logs-nothing muted" role="status">Searching … ${Math.round(100 * done)} %</p>`;
  }
  return html`<p class="logs-nothing muted">${filtered ? "No line matches." : "Nothing has been written yet."}</p>`;
}
