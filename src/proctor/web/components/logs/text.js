// What a line looks like: colours that it asks for, its level, what of it is sought.  Pure.
import { AnsiUp } from "../../vendor/ansi_up/ansi_up.js";

const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_]|[()][0-9A-B])/g;
/** Of a longer line the rest is told of, not shown: the download has it. */
export const SHOWN = 20_000;
const TAB = 8;

/** Collects what the library has recognised; HTML with styles in it is what our policy forbids. */
class Fragments extends AnsiUp {
  found = [];

  transform_to_html(fragment) {
    this.found.push(fragment);
    return "";
  }

  process_hyperlink(packet) {
    return this.transform_to_html(this.with_state(packet));
  }
}

/** Cut a line to what is shown; `more` says how many characters are left out. */
export function cut(line) {
  if (!(line.text?.length > SHOWN)) return;
  line.more = line.text.length - SHOWN;
  // A slice alone would keep all of it in memory.
  line.text = new TextDecoder().decode(new TextEncoder().encode(line.text.slice(0, SHOWN)));
}

/** The text without the escapes that colour it; kept, because it is asked for often. */
export function plain(line) {
  line.plain ??= shown(line.text ?? "").replace(ESCAPES, "");
  return line.plain;
}

const shown = (text) => text.replaceAll("\r", "␍");

/** How many columns it takes; roughly, if there are tabs or wide characters. */
export function columns(line) {
  if (line.columns === undefined) {
    const text = line.marker ?? plain(line);
    line.columns = text.includes("\t") ? text.replace(/\t/g, " ".repeat(TAB)).length : text.length;
  }
  return line.columns;
}

/** Return [{text, names, style}]: the pieces of a line, each with its look. */
export function pieces(line) {
  if (!line.text?.includes("\x1b")) return [{ text: plain(line) }];
  const fragments = new Fragments();
  fragments.ansi_to_html(shown(line.text));
  return fragments.found.filter((one) => one.text).map(looks);
}

function looks({ text, bold, faint, italic, underline, fg, bg }) {
  const names = [];
  const style = {};
  for (const [on, name] of [[bold, "bold"], [faint, "faint"], [italic, "italic"], [underline, "underline"]]) {
    if (on) names.push(`ansi-${name}`);
  }
  if (fg && fg.class_name !== "truecolor") names.push(fg.class_name);
  else if (fg) style.color = `rgb(${fg.rgb})`;
  if (bg && bg.class_name !== "truecolor") names.push(`${bg.class_name}-back`);
  else if (bg) style.backgroundColor = `rgb(${bg.rgb})`;
  return { text: text.replace(ESCAPES, ""), names: names.join(" "), style };
}

/** Cut pieces where a match begins or ends; those inside one have `match`. */
export function marked(parts, sought) {
  if (!sought) return parts;
  const whole = parts.map((part) => part.text).join("");
  const bounds = [...whole.matchAll(sought)].filter((one) => one[0]).map((one) => [one.index, one.index + one[0].length]);
  if (!bounds.length) return parts;
  const cut = [];
  let at = 0;
  for (const part of parts) {
    const end = at + part.text.length;
    let from = at;
    for (const [begin, stop] of bounds) {
      if (stop <= from || begin >= end) continue;
      if (begin > from) cut.push({ ...part, text: whole.slice(from, begin) });
      cut.push({ ...part, text: whole.slice(Math.max(from, begin), Math.min(end, stop)), match: true });
      from = Math.min(end, stop);
    }
    if (from < end) cut.push({ ...part, text: whole.slice(from, end) });
    at = end;
  }
  return cut;
}

// What is sought.

/** Return {pattern, grep, error} for what was typed: an expression for us and one for the service. */
export function search(text, { regex, caseful }) {
  if (!text) return { pattern: null, grep: "", error: "" };
  const source = regex ? text : text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  try {
    const pattern = new RegExp(source, caseful ? "g" : "gi");
    return { pattern, grep: (caseful ? "" : "(?i)") + source, error: "" };
  } catch (error) {
    return { pattern: null, grep: "", error: error.message.replace(/^Invalid regular expression: /, "") };
  }
}

/** Whether a line has a match; known again while the same is sought. */
export function matches(line, pattern) {
  if (line.sought !== pattern) {
    line.sought = pattern;
    line.matches = !line.marker && pattern.test(plain(line));
    pattern.lastIndex = 0; // Where a global expression has found something it would go on.
  }
  return line.matches;
}

const LEVELS = { warn: "warning", warning: "warning", err: "error", error: "error", fatal: "critical", critical: "critical", debug: "debug", trace: "debug" };

/** The level that a JSON line names, if it is one to be seen at once. */
export function level(line) {
  if (line.level === undefined) line.level = levelOf(line.text ?? "");
  return line.level;
}

function levelOf(text) {
  if (!text.startsWith("{")) return "";
  const found = /"(?:level|levelname|severity|lvl)"\s*:\s*"(\w+)"/.exec(text.slice(0, 2000));
  return found ? (LEVELS[found[1].toLowerCase()] ?? "") : "";
}
