// The lines of the logs that are in memory: a window on them, which moves.
//
// Rule 1: `lines` is all there is between the places `blocks[0].before` and `blocks.at(-1).after`,
// without a gap or a repeat.  Rule 2: there are never many more than MOST of them: what is far from
// the reader is dropped, and had again from the service.  Rule 3: the live stream is on only while
// the window reaches the end; it goes on at the place where the window ends.
import { get } from "../../api.js";
import { batch, signal } from "../../lib.js";
import { Feed } from "./feed.js";
import { cut } from "./text.js";

export const MOST = 20_000;
const MOST_CHARACTERS = 64e6;
const PAGE = 1000;
const LIVE_BLOCK = 500;
const AGAIN = 1000; // ms
const USUAL_LINE = 100; // bytes, until we know better

export class LogWindow {
  /** `asked`: {task, run, grep, level}, as /v1/logs takes them. */
  constructor(asked) {
    this.asked = asked;
    this.lines = [];
    /** The number of lines[0]; a line keeps its number while it is in the window. */
    this.base = 0;
    this.blocks = [];
    this.first = this.last = true;
    this.bytesBefore = this.bytesAfter = 0;
    this.density = 1 / USUAL_LINE; // lines a byte
    /** {number, dy, middle}: this line is `dy` pixels below the upper edge of what is seen, or in the
     * middle; {px}: so far down, where no line is yet. */
    this.anchor = { number: 0, dy: 0 };
    /** Changes with each change of the above. */
    this.version = signal(0);
    /** "loading", "live", "paused", "reconnecting", "past" (the end is elsewhere) or "failed". */
    this.status = signal("loading");
    this.error = signal(null);
    /** Whether what is seen sticks to the end. */
    this.following = signal(true);
    this.paused = signal(false);
    /** How many lines have come since it does not. */
    this.unseen = signal(0);
    this.loading = signal(false);
    /** "web:0" -> a number of its own, in the order of appearance. */
    this.names = new Map();
    this.turn = 0;
    this.busy = { back: false, forward: false };
    this.resting = false;
    this.feed = new Feed({
      query: () => ({ ...this.asked, after: this.end }),
      take: (lines, id) => this.#take(lines, id),
      say: (state) => (this.status.value = state),
      fail: (error) => this.#fail(error),
    });
  }

  close() {
    this.turn += 1;
    this.feed.end();
  }

  get end() {
    return this.blocks.at(-1)?.after ?? "";
  }

  // Moving.

  /** Show the end, and stick to it. */
  openEnd() {
    return this.#open(true, async () => ({ before: await this.#page({ back: true }), offset: -1 }));
  }

  /** Show what is behind a place at the upper edge: {share}, {time} or {at}. */
  openAt(place) {
    return this.#open(false, async () => {
      const behind = await this.#page(place);
      const before = behind.first ? null : await this.#page({ at: behind.before, back: true });
      return { before, behind, offset: 0 };
    });
  }

  /** Show the line before a place (`back`: behind it) in the middle; return its number. */
  async openAround(at, back) {
    await this.#open(false, async () => {
      const [before, behind] = await Promise.all([this.#page({ at, back: true }), this.#page({ at })]);
      return { before, behind, offset: back ? 0 : -1, middle: true };
    });
    return this.anchor.number;
  }

  async #open(following, load) {
    const turn = ++this.turn;
    this.feed.end();
    this.loading.value = true;
    let found;
    try {
      found = await load();
    } catch (error) {
      if (turn === this.turn) this.#fail(error);
      return;
    }
    if (turn !== this.turn) return;
    const { before, behind, offset, middle = false } = found;
    const pages = [before, behind].filter(Boolean);
    batch(() => {
      this.error.value = null;
      this.loading.value = false;
      this.status.value = "loading";
      this.lines = [];
      this.blocks = [];
      this.base = 0;
      for (const page of pages) this.#push(page);
      const edge = before ? before.lines.length : 0;
      this.anchor = { number: Math.max(0, edge + offset), dy: 0, middle };
      this.#bounds(pages[0], pages.at(-1));
      this.#settle();
      this.#follow(following);
      this.#changed();
    });
    this.#goLive();
  }

  /** Load what is before ("back") or behind ("forward") the window, if the reader comes near. */
  async more(way) {
    if (this.busy[way] || (way === "back" ? this.first : this.last) || this.loading.peek()) return;
    this.busy[way] = true;
    const turn = this.turn;
    const back = way === "back";
    const at = back ? this.blocks[0].before : this.end;
    try {
      const page = await this.#page({ at, back });
      const edge = back ? this.blocks[0].before : this.end;
      if (turn !== this.turn || edge !== at) return;
      if (back) this.#prepend(page);
      else this.#append(page);
    } catch (error) {
      if (turn === this.turn) this.#missed(error);
    } finally {
      this.busy[way] = false;
    }
  }

  /** A page could not be had: try again if it is only that the service is away. */
  #missed(error) {
    if (error.status >= 400 && error.status < 500) this.#fail(error);
    else setTimeout(() => this.#changed(), AGAIN);
  }

  #prepend(page) {
    this.#meet(page.lines);
    this.lines = page.lines.concat(this.lines);
    this.base -= page.lines.length;
    this.blocks.unshift(block(page));
    this.#bounds(page, null);
    while (this.#isFull(this.blocks.at(-1))) this.#dropLast();
    this.#settle();
    this.#changed();
  }

  #append(page) {
    this.#push(page);
    this.#bounds(null, page);
    this.#dropFirsts();
    this.#settle();
    this.#changed();
    this.#goLive();
  }

  #push(page) {
    this.#meet(page.lines);
    for (const line of page.lines) this.lines.push(line);
    this.blocks.push(block(page));
  }

  /** Note what lies around the window, as its first and its last page say. */
  #bounds(early, late) {
    if (early) [this.bytesBefore, this.first] = [early.bytes_before, early.first];
    if (late) [this.bytesAfter, this.last] = [late.bytes_after, late.last];
  }

  /** Whether there is too much without this block even. */
  #isFull(spare) {
    if (this.blocks.length < 2) return false;
    const size = this.blocks.reduce((sum, one) => sum + one.size, 0) - spare.size;
    return this.lines.length - spare.count > MOST || size > MOST_CHARACTERS;
  }

  #dropFirsts() {
    while (this.#isFull(this.blocks[0])) {
      const gone = this.blocks.shift();
      this.lines.splice(0, gone.count);
      this.base += gone.count;
      this.bytesBefore += gone.bytes;
      this.first = false;
    }
  }

  #dropLast() {
    this.feed.end();
    const gone = this.blocks.pop();
    this.lines.length -= gone.count;
    this.bytesAfter += gone.bytes;
    this.last = false;
    this.status.value = this.paused.peek() ? "paused" : "past";
  }

  /** Join empty blocks to their neighbours, and see how dense lines are. */
  #settle() {
    this.blocks = this.blocks.reduce((kept, one) => {
      const before = kept.at(-1);
      if (before && (before.count === 0 || one.count === 0)) {
        before.count += one.count;
        before.bytes += one.bytes;
        before.size += one.size;
        before.after = one.after;
      } else kept.push({ ...one });
      return kept;
    }, []);
    const bytes = this.blocks.reduce((sum, one) => sum + one.bytes, 0);
    if (this.lines.length && bytes > 0) this.density = this.lines.length / bytes;
    else if (bytes > 0) this.density = 1 / (bytes + USUAL_LINE);
  }

  #page(place) {
    return get("/v1/logs/page", { ...this.asked, limit: PAGE, ...place, back: place.back || "" });
  }

  /** Find the next line that matches behind the window ("back": before it), in all of the history.
   *
   * Returns {page} with one line, or null; `progress(share)` is told how far it is.
   */
  async find(grep, back, abort, progress = () => {}) {
    let at = back ? this.blocks[0].before : this.end;
    for (;;) {
      const query = { ...this.asked, grep, at, back: back || "", limit: 1 };
      const page = await get("/v1/logs/page", query, { signal: abort });
      if (page.lines.length) return page;
      if (back ? page.first : page.last) return null;
      const [done, all] = [back ? page.bytes_after : page.bytes_before, page.bytes_before + page.bytes + page.bytes_after];
      progress(done / Math.max(1, all));
      at = back ? page.before : page.after;
    }
  }

  /** Bring a loaded line into view, if it is not there: `visible()` says which are. */
  show(number, visible) {
    const [first, last] = visible();
    this.#follow(false);
    if (number < first || number > last) this.anchor = { number, dy: 0, middle: true };
    this.#changed();
  }

  /** Show the begin of all. */
  async toBegin() {
    if (!this.first) {
      await this.openAt({ share: 0 });
      return;
    }
    this.#follow(false);
    this.anchor = { number: this.base, dy: 0 };
    this.#changed();
  }

  // Following.

  /** Stick to the end, or do not. */
  follow(wanted) {
    if (!wanted) this.#follow(false);
    else if (this.last && this.status.peek() !== "failed") {
      if (this.paused.peek()) this.pause(false);
      this.#follow(true);
      this.#changed();
    } else {
      this.paused.value = false;
      this.openEnd();
    }
  }

  #follow(wanted) {
    this.following.value = wanted;
    if (wanted) this.unseen.value = 0;
  }

  /** Let nothing new in, or go on where it was. */
  async pause(wanted) {
    if (wanted === this.paused.peek()) return;
    this.paused.value = wanted;
    if (wanted) this.#stand();
    else await this.#goOn();
  }

  /** Give the connection back while nobody looks at the page. */
  async rest(wanted) {
    if (wanted === this.resting) return;
    this.resting = wanted;
    if (wanted) this.#stand();
    else if (!this.paused.peek()) await this.#goOn();
  }

  #stand() {
    this.feed.flush();
    this.feed.end();
    if (this.status.peek() !== "failed") this.status.value = "paused";
  }

  async #goOn() {
    if (!this.blocks.length) return; // It is being opened, or could not be.
    if (!this.last) {
      this.#goLive();
      return;
    }
    this.last = false;
    await this.more("forward");
    // It was long: those who follow want the end, others come to it by scrolling.
    if (!this.last && this.following.peek()) await this.openEnd();
  }

  #goLive() {
    if (this.status.peek() === "failed" && this.error.peek()) return;
    if (this.paused.peek() || this.resting) this.status.value = "paused";
    else if (!this.last) this.status.value = "past";
    else this.feed.begin();
  }

  /** Put what has come into the window; `id` is the place behind it. */
  #take(come, id) {
    const bytes = come.reduce((sum, line) => sum + (line.text?.length ?? -1) + 1, 0);
    this.#meet(come);
    let last = this.blocks.at(-1);
    if (last.count + come.length > LIVE_BLOCK) {
      last = { before: last.after, after: id, count: 0, bytes: 0, size: 0 };
      this.blocks.push(last);
    }
    last.after = id;
    last.count += come.length;
    last.bytes += bytes;
    last.size += characters(come);
    for (const line of come) this.lines.push(line);
    this.#makeRoom();
    batch(() => {
      if (!this.following.peek()) this.unseen.value += come.length;
      this.#changed();
    });
  }

  /** Drop the lines above; if it is those that are read, leave the end alone instead. */
  #makeRoom() {
    if (this.lines.length <= MOST + LIVE_BLOCK && !this.#isFull(this.blocks[0])) return;
    const reading = (this.anchor.number ?? this.base) - this.base;
    if (this.following.peek() || reading > MOST / 2) {
      this.#dropFirsts();
      return;
    }
    this.feed.end();
    this.last = false;
    this.status.value = "past";
  }

  #fail(error) {
    batch(() => {
      this.loading.value = false;
      this.error.value = error;
      this.status.value = "failed";
    });
  }

  /** Note who wrote these lines, and cut those that are very long. */
  #meet(lines) {
    for (const line of lines) {
      const name = `${line.task}:${line.replica}`;
      if (!this.names.has(name)) this.names.set(name, this.names.size);
      cut(line);
    }
  }

  #changed() {
    this.version.value += 1;
  }
}

const characters = (lines) => lines.reduce((sum, line) => sum + (line.text?.length ?? 0), 0);

/** What is between two places; `bytes` of the logs, of which `size` characters are in memory. */
const block = (page) => ({
  before: page.before,
  after: page.after,
  count: page.lines.length,
  bytes: page.bytes,
  size: characters(page.lines),
});
