// What is written from now on: the stream of the logs, handed over once a frame.
//
// Rule: lines are handed over with the place behind the last of them, and only those: after a break
// the stream goes on at that place, so that nothing is missing and nothing comes twice.
import { stream } from "../../api.js";

const AGAIN = [300, 5000]; // ms between attempts, at first and at most
const UNSEEN = 250; // ms between batches of a page that nobody sees, which gets no frames

export class Feed {
  /** `query()`: what is asked for, and `after`; `take(lines, id)`, `say(state)`, `fail(error)`. */
  constructor(calls) {
    this.calls = calls;
    this.abort = null;
    this.frame = 0;
    this.#forget();
  }

  get on() {
    return this.abort !== null;
  }

  begin() {
    if (this.on) return;
    this.abort = new AbortController();
    this.#run(this.abort.signal);
  }

  /** Stop; what has come and was not handed over comes again when it goes on. */
  end() {
    this.abort?.abort();
    this.abort = null;
    cancelAnimationFrame(this.frame);
    clearTimeout(this.frame);
    this.frame = 0;
    this.#forget();
  }

  #forget() {
    this.lines = [];
    this.id = null;
    this.known = 0; // How many of the lines are before the place that `id` names.
  }

  async #run(abort) {
    let pause = AGAIN[0];
    while (!abort.aborted) {
      try {
        const events = await stream("/v1/logs", { query: { ...this.calls.query(), follow: true }, signal: abort });
        this.calls.say("live");
        for await (const event of events) {
          if (abort.aborted) return;
          pause = AGAIN[0];
          if (event) this.#come(event);
        }
      } catch (error) {
        if (abort.aborted) return;
        if (error.status >= 400 && error.status < 500) {
          this.calls.fail(error);
          return;
        }
      }
      if (abort.aborted) return;
      this.flush();
      this.#forget();
      this.calls.say("reconnecting");
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(2 * pause, AGAIN[1]);
    }
  }

  #come({ id, data }) {
    this.lines.push(data);
    if (id) [this.id, this.known] = [id, this.lines.length];
    if (this.frame) return;
    const flush = () => {
      this.frame = 0;
      this.flush();
    };
    this.frame = document.hidden ? setTimeout(flush, UNSEEN) : requestAnimationFrame(flush);
  }

  /** Hand over what has come, up to the last line whose place is known. */
  flush() {
    const { lines, id, known } = this;
    if (!known) return;
    this.#forget();
    this.lines = lines.slice(known);
    this.calls.take(known === lines.length ? lines : lines.slice(0, known), id);
  }
}
