// What tasks use, from the stream of metrics: open only while a page shows it and somebody looks.
import { batch, signal, useEffect, useMemo } from "./lib.js";
import { followShown } from "./shown.js";

export const STEPS = 60; // A sparkline shows two minutes.

/** Call `onStep({at, tasks, replicas})` for each step, those of the past first, until it is ended.
 *
 * `query` is that of /v1/metrics/stream; `onBegin` is called whenever the steps begin anew.
 */
export function followUsage(query, onBegin, onStep) {
  const abort = new AbortController();
  const how = { query: () => query, begin: onBegin, take: onStep };
  followShown("/v1/metrics/stream", how, abort.signal);
  return () => abort.abort();
}

/** Return `of(name)`, the signal of a task's last steps {cpu: [], rss: []}, while the page is there. */
export function useUsages() {
  const store = useMemo(() => new Usages(), []);
  useEffect(
    () =>
      followUsage(
        { history: STEPS },
        () => store.clear(),
        (step) => store.add(step.tasks),
      ),
    [],
  );
  return store;
}

export const NOTHING = { cpu: [], rss: [] };

class Usages {
  #signals = new Map();

  of(name) {
    let found = this.#signals.get(name);
    if (!found) this.#signals.set(name, (found = signal(NOTHING)));
    return found;
  }

  clear() {
    batch(() => this.#signals.forEach((one) => (one.value = NOTHING)));
  }

  add(tasks) {
    batch(() => {
      for (const [name, [cpu, rss]] of Object.entries(tasks)) {
        const one = this.of(name);
        const before = one.peek();
        one.value = { cpu: shifted(before.cpu, cpu), rss: shifted(before.rss, rss) };
      }
      for (const [name, one] of this.#signals) {
        if (!(name in tasks) && one.peek() !== NOTHING) one.value = NOTHING;
      }
    });
  }
}

const shifted = (values, value) => [...values.slice(1 - STEPS), value];
