// The lines that are seen, of all that there are: some dozens of rows in the document.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../lib.js";
import { ROW, layout } from "./layout.js";
import { Row } from "./row.js";

const SPARE = 10; // rows above and below what is seen
const NEAR = 300; // lines to an edge of the window at which more are loaded
const MOST_HELD = 2000; // rows kept because they are selected
const TIMES = { "": 0, clock: 12, day: 18 }; // characters of a time
const EDGES = 26; // pixels on both sides of a line
const SLACK = 5000; // pixels outside the window that are got by loading on; a farther place anew
const PAUSE = 90; // ms that the scroll bar has to rest before lines are loaded from there

/** `log`: a LogWindow; `pattern`, `current`: what is sought, and the number of the line found. */
export function LogList({ log, wrap, times, named, pattern, current, scrolls }) {
  const scroller = useRef(null);
  const rows = useRef(null);
  const [, draw] = useState(0);
  const redraw = () => draw((n) => n + 1);
  const size = useSize(scroller);
  const held = useHeld(scroller, log, redraw);
  log.version.value;

  const timed = times ? (isToday(log.lines[0]?.time) ? "clock" : "day") : "";
  const gutter = gutterOf(log, TIMES[timed], named, size);
  const perRow = wrap ? Math.max(10, Math.floor((size.width - gutter.pixels) / size.character)) : 0;
  const place = layout(log, perRow);
  const top = wantedTop(log, place, size.height, scroller.current?.scrollTop ?? 0, held.pressed.current);
  const [from, to] = range(log, place, top, size.height, held.range.current);

  useScrolling(scroller, log, place, size, redraw, top);
  useLayoutEffect(() => {
    if (wrap && measure(rows.current, log, place, perRow)) redraw();
    if (log.anchor.px !== undefined || !log.blocks.length) return;
    if (from - log.base < NEAR) log.more("back");
    if (log.base + log.lines.length - to < NEAR) log.more("forward");
  });
  Object.assign(scrolls.current, { scroller: scroller.current, place });

  const shown = [];
  for (let n = from; n < to; n += 1) {
    const line = log.lines[n - log.base];
    shown.push(html`<${Row} key=${n} line=${line} number=${n} color=${log.names.get(`${line.task}:${line.replica}`)} times=${timed} named=${named} pattern=${pattern} current=${n === current} />`);
  }
  const y = place.top + (shown.length ? place.y(from - log.base) : 0);
  return html`<div ref=${scroller} class="logs-scroller" data-wrap=${wrap || undefined} tabindex="0" role="log" aria-live="off"
    onCopy=${copy} aria-label="Log lines" aria-busy=${log.loading.value} style=${{ "--names": `${gutter.names}ch`, "--times": `${TIMES[timed]}ch` }}>
    <div class="logs-canvas" style=${{ height: `${place.total}px` }}></div>
    <div ref=${rows} class="logs-rows" style=${{ transform: `translateY(${y}px)` }}>${shown}</div>
  </div>`;
}

/** Return where the scroll bar has to be for what is to be seen. */
function wantedTop(log, place, height, now, pressed) {
  const most = Math.max(0, place.total - height);
  if (log.following.value && !pressed) return most;
  if (log.anchor.px !== undefined) return now;
  const i = Math.min(log.lines.length - 1, Math.max(0, log.anchor.number - log.base));
  const y = place.top + place.y(Math.max(0, i));
  const dy = log.anchor.middle ? Math.max(0, height / 2 - ROW) : log.anchor.dy;
  return Math.min(most, Math.max(0, y - dy));
}

/** Return the numbers of the first row, and of the one behind the last. */
function range(log, place, top, height, held) {
  const { base, lines } = log;
  const end = base + lines.length;
  if (!lines.length || top + height < place.top) return [base, base];
  if (top > place.top + place.height) return [end, end];
  let from = Math.max(base, base + place.at(top - place.top) - SPARE);
  let to = Math.min(end, base + place.at(top - place.top + height) + SPARE + 1);
  if (held && held[1] >= base && held[0] < end) {
    const [a, b] = [Math.max(base, Math.min(from, held[0])), Math.min(end, Math.max(to, held[1] + 1))];
    if (b - a < MOST_HELD) [from, to] = [a, b];
  }
  return [from, to];
}

/** Put the scroll bar where it belongs; see where the reader puts it. */
function useScrolling(scroller, log, place, size, redraw, top) {
  const known = useRef({ set: -1 });
  const latest = useRef({});
  latest.current = { log, place, size };
  useLayoutEffect(() => {
    const one = scroller.current;
    if (log.anchor.px === undefined && Math.abs(one.scrollTop - top) > 0.5) one.scrollTop = top;
    known.current.set = one.scrollTop;
    if (log.anchor.middle && size.height) {
      const i = Math.max(0, log.anchor.number - log.base);
      log.anchor = { number: log.anchor.number, dy: place.top + place.y(i) - one.scrollTop };
    } else if (log.following.peek() && log.lines.length) log.anchor = anchorAt(log, place, one.scrollTop);
  });
  useEffect(() => {
    const one = scroller.current;
    let timer = 0;
    const leave = (event) => {
      if (event.deltaY < 0) latest.current.log.follow(false);
    };
    const onScroll = () => {
      const { log, place, size } = latest.current;
      const y = one.scrollTop;
      if (Math.abs(y - known.current.set) < 1) return;
      known.current.set = y;
      clearTimeout(timer);
      seen(log, place, size.height, y);
      if (log.anchor.px !== undefined) timer = setTimeout(() => jump(log, place, size.height, one), PAUSE);
      redraw();
    };
    one.addEventListener("scroll", onScroll, { passive: true });
    one.addEventListener("wheel", leave, { passive: true });
    return () => {
      clearTimeout(timer);
      one.removeEventListener("scroll", onScroll);
      one.removeEventListener("wheel", leave);
    };
  }, [log]);
}

/** The reader has scrolled to y. */
function seen(log, place, height, y) {
  const end = y >= place.total - height - 2;
  if (end && log.last) {
    if (!log.paused.peek()) log.follow(true);
  } else if (log.following.peek()) log.follow(false);
  const far = y + height < place.top - SLACK || y > place.top + place.height + SLACK;
  if (far || (end && !log.last) || (y <= 0 && !log.first)) {
    log.anchor = { px: y };
    return;
  }
  log.anchor = anchorAt(log, place, y);
}

function anchorAt(log, place, y) {
  const i = place.at(y - place.top);
  return { number: log.base + i, dy: place.top + place.y(i) - y };
}

/** Show what is where the scroll bar was put. */
function jump(log, place, height, one) {
  const share = one.scrollTop / Math.max(1, place.total - height);
  if (share > 0.9999) log.openEnd();
  else log.openAt({ share: Math.max(0, share) });
}

/** Note the heights of rows that are not as was estimated; return whether there are such. */
function measure(rows, log, place, perRow) {
  let differs = false;
  for (const row of rows.children) {
    const i = Number(row.dataset.number) - log.base;
    if (!log.lines[i] || row.offsetHeight === place.y(i + 1) - place.y(i)) continue;
    log.lines[i].measured = { perRow, height: row.offsetHeight };
    differs = true;
  }
  return differs;
}

/** Return {names, pixels}: how many characters names have, and how wide all before the text is. */
function gutterOf(log, times, named, size) {
  const longest = named ? Math.max(0, ...[...log.names.keys()].map((name) => name.length)) : 0;
  const names = Math.min(longest, size.width < 600 ? 10 : 24);
  const characters = (times && times + 2) + (names && names + 2);
  return { names, pixels: characters * size.character + EDGES };
}

const isToday = (at) => at === undefined || new Date(at * 1000).toDateString() === new Date().toDateString();

/** Copy what is selected of the lines, without what stands before them, an empty line as one too. */
function copy(event) {
  const selection = document.getSelection();
  if (selection.isCollapsed || selection.rangeCount === 0) return;
  const whole = selection.getRangeAt(0);
  const found = [...event.currentTarget.querySelectorAll(".logs-text")].filter((one) => whole.intersectsNode(one));
  if (found.length < 2) return;
  const texts = found.map((one) => {
    const part = document.createRange();
    part.selectNodeContents(one);
    if (one.contains(whole.startContainer)) part.setStart(whole.startContainer, whole.startOffset);
    if (one.contains(whole.endContainer)) part.setEnd(whole.endContainer, whole.endOffset);
    return part.toString();
  });
  event.clipboardData.setData("text/plain", texts.join("\n"));
  event.preventDefault();
}

/** Return {width, height, character}: of what is seen, and of a character; changes are followed. */
function useSize(ref) {
  const [size, set] = useState({ width: 0, height: 0, character: 7.5 });
  useLayoutEffect(() => {
    const one = ref.current;
    const look = () => set({ width: one.clientWidth, height: one.clientHeight, character: characterIn(one) });
    const observer = new ResizeObserver(look);
    observer.observe(one);
    look();
    return () => observer.disconnect();
  }, []);
  return size;
}

function characterIn(one) {
  const probe = document.createElement("span");
  probe.className = "logs-probe";
  probe.textContent = "0".repeat(100);
  one.append(probe);
  const width = probe.getBoundingClientRect().width / 100;
  probe.remove();
  return width || 7.5;
}

/** Keep rows that are selected in the document, and what is seen still while a button is down. */
function useHeld(scroller, log, redraw) {
  const range = useRef(null);
  const pressed = useRef(false);
  useEffect(() => {
    const numberOf = (node) => Number((node?.nodeType === 1 ? node : node?.parentElement)?.closest?.(".logs-row")?.dataset.number ?? NaN);
    const onSelect = () => {
      const selection = document.getSelection();
      const numbers = selection.isCollapsed ? [] : [numberOf(selection.anchorNode), numberOf(selection.focusNode)];
      const inside = numbers.filter((number) => !Number.isNaN(number));
      range.current = inside.length ? [Math.min(...inside), Math.max(...inside)] : null;
      // What is selected must not be carried off by what comes.
      if (inside.length && log.following.peek()) log.follow(false);
    };
    const press = (event) => {
      pressed.current = event.button === 0;
    };
    const release = () => {
      if (!pressed.current) return;
      pressed.current = false;
      redraw();
    };
    document.addEventListener("selectionchange", onSelect);
    scroller.current.addEventListener("mousedown", press);
    window.addEventListener("mouseup", release);
    const one = scroller.current;
    return () => {
      document.removeEventListener("selectionchange", onSelect);
      one.removeEventListener("mousedown", press);
      window.removeEventListener("mouseup", release);
    };
  }, [log]);
  return { range, pressed };
}
