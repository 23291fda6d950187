// Streams that are open only while somebody looks: a browser has six connections for a host, for all
// its tabs together, and a stream takes one.
import { login, stream } from "./api.js";

/** Follow server-sent events while the page is visible, until `abort`; begin again when they end.
 *
 * `query()` returns the parameters to begin with, `begin()`, which is awaited, hears that they begin
 * anew, `take(data)` gets each.  Ends by itself when there is no such thing (404), after `missing()`.
 */
export async function followShown(path, { query, begin, take, missing = () => {} }, abort) {
  for (let attempt = 0; !abort.aborted; attempt++) {
    await visible(abort);
    const current = whileVisible(abort);
    try {
      const events = await stream(path, { query: query(), signal: current });
      await begin();
      for await (const event of events) {
        attempt = 0;
        if (event !== null && !abort.aborted) take(event.data);
      }
    } catch (error) {
      if (error.status === 404) {
        missing();
        return;
      }
    }
    if (login.peek() !== null) return;
    await pause(Math.min(10_000, 500 * 2 ** attempt), abort);
  }
}

/** Resolves when the page is visible, or with `abort`. */
function visible(abort) {
  if (!document.hidden || abort.aborted) return null;
  return new Promise((resolve) => {
    const done = new AbortController();
    const look = () => {
      if (document.hidden && !abort.aborted) return;
      done.abort();
      resolve();
    };
    document.addEventListener("visibilitychange", look, { signal: done.signal });
    abort.addEventListener("abort", look, { signal: done.signal });
  });
}

/** Return a signal that is aborted with `abort`, or when the page is hidden. */
function whileVisible(abort) {
  const hidden = new AbortController();
  document.addEventListener("visibilitychange", () => hidden.abort(), { once: true, signal: abort });
  return AbortSignal.any([abort, hidden.signal]);
}

function pause(milliseconds, abort) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    abort.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
