// The search: marks matches in the lines that are loaded, goes from one to the next, and has the
// service look through the rest of the history for those that are not.
import { html, useEffect, useRef, useSignal, useState } from "../../lib.js";
import { matches } from "./text.js";

const SOON = 250;

/** Return {current, note, next(back), stop()}: the number of the line found, and what came of it. */
export function useFind(log, sought, scrolls) {
  const current = useSignal(null);
  const note = useSignal("");
  const abort = useRef(null);
  const stop = () => {
    abort.current?.abort();
    abort.current = null;
    note.value = "";
  };
  useEffect(() => {
    current.value = null;
    return stop;
  }, [log, sought]);

  const next = async (back) => {
    stop();
    if (!sought.pattern) return;
    const loaded = nearest(log, sought.pattern, back, from(log, current.peek(), back, scrolls));
    if (loaded !== null) {
      current.value = loaded;
      log.show(loaded, scrolls.current.visible);
      return;
    }
    const mine = (abort.current = new AbortController());
    note.value = "searching …";
    try {
      const page = await log.find(sought.grep, back, mine.signal, (share) => {
        if (!mine.signal.aborted) note.value = `searching … ${Math.round(100 * share)} %`;
      });
      if (mine.signal.aborted) return;
      note.value = page ? "" : back ? "no match above" : "no match below";
      if (page) current.value = await log.openAround(back ? page.before : page.after, back);
    } catch (error) {
      if (!mine.signal.aborted) note.value = error.message;
    }
  };
  return { current, note, next, stop };
}

/** Return {number, itself}: where to begin to look. */
function from(log, current, back, scrolls) {
  if (current !== null && current >= log.base && current < log.base + log.lines.length) return current + (back ? -1 : 1);
  const [first, last] = scrolls.current.visible();
  return back ? last : first;
}

function nearest(log, pattern, back, number) {
  const step = back ? -1 : 1;
  for (let i = number - log.base; i >= 0 && i < log.lines.length; i += step) {
    if (matches(log.lines[i], pattern)) return log.base + i;
  }
  return null;
}

/** The field with its switches.  `text`, `regex`, `caseful`, `only` are in the address. */
export function Search({ log, text, regex, caseful, only, sought, find, input, onChange }) {
  const [typed, type] = useState(text);
  const timer = useRef(0);
  const entered = useRef(null);
  useEffect(() => type(text), [text]);
  useEffect(() => {
    const back = entered.current;
    entered.current = null;
    if (back === null) return undefined;
    // When all who heard of the new text have taken it up.
    const soon = setTimeout(() => find.next(back || log.following.peek()));
    return () => clearTimeout(soon);
  }, [sought]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const settle = (value) => {
    clearTimeout(timer.current);
    if (value !== text) onChange({ q: value });
  };
  const onKey = (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      if (typed === text) find.next(event.shiftKey || (find.current.peek() === null && log.following.peek()));
      else entered.current = event.shiftKey;
      settle(typed);
    } else if (event.key === "Escape") {
      if (typed) (type(""), settle(""), find.stop());
      else input.current.blur();
    }
  };
  const onInput = (event) => {
    const value = event.target.value;
    type(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => settle(value), SOON);
  };
  const turn = (name, on) => onChange({ [name]: on ? "" : "1" });
  return html`<div class="logs-search" role="search">
    <div class="logs-find" data-bad=${sought.error ? "" : undefined}>
      <input ref=${input} type="search" placeholder="Search  /" aria-label="Search the logs" aria-describedby="logs-found" autocomplete="off" spellcheck=${false}
        aria-invalid=${sought.error !== ""} value=${typed} onInput=${onInput} onKeyDown=${onKey} />
      <${Found} log=${log} sought=${sought} find=${find} />
      <button type="button" class="logs-turn" aria-pressed=${caseful} title="Upper and lower case matter" aria-label="Upper and lower case matter" onClick=${() => turn("case", caseful)}>Aa</button>
      <button type="button" class="logs-turn mono" aria-pressed=${regex} title="A regular expression" aria-label="A regular expression" onClick=${() => turn("regex", regex)}>.*</button>
    </div>
    <button type="button" class="icon-button" aria-label="Match above" title="Match above (Shift+Enter)" disabled=${!sought.pattern} onClick=${() => find.next(true)}>↑</button>
    <button type="button" class="icon-button" aria-label="Match below" title="Match below (Enter)" disabled=${!sought.pattern} onClick=${() => find.next(false)}>↓</button>
    <button type="button" class="button logs-only" aria-label="Only matches" aria-pressed=${only} title="Show only lines that match, of the whole history" onClick=${() => turn("only", only)}>Only<span class="logs-wide"> matches</span></button>
  </div>`;
}

/** How many lines match of those that are loaded; "+" if there may be more. */
function Found({ log, sought, find }) {
  log.version.value;
  return html`<span id="logs-found" class="logs-found muted" role="status">${sought.error || find.note.value || found(log, sought.pattern, find.current.value)}</span>`;
}

function found(log, pattern, current) {
  if (!pattern) return "";
  let [count, place] = [0, 0];
  for (let i = 0; i < log.lines.length; i += 1) {
    if (!matches(log.lines[i], pattern)) continue;
    count += 1;
    if (log.base + i === current) place = count;
  }
  const more = log.first && log.last ? "" : "+";
  return place && !more ? `${place} of ${count}` : `${count}${more}`;
}
