// What a page has fetched, fetched anew when an event says that it has changed.
import { onEvents } from "./live.js";
import { useEffect, useRef, useState } from "./lib.js";

const PAUSE = 200;

/** Return {data, error, loading, reload}.
 *
 * `load(abort)` fetches; it is called again when `key` changes (then `data` is dropped), and, at most
 * five times a second, when `on(event)` is true for an event of the live stream or events were missed.
 */
export function useResource(key, load, on = () => false) {
  const [state, setState] = useState({ key, data: null, error: null, loading: true });
  const latest = useRef({});
  latest.current = { load, on };
  const reload = useRef(() => {});

  useEffect(() => {
    const abort = new AbortController();
    let [busy, again, timer] = [false, false, 0];
    const fetchNow = async () => {
      if (busy) {
        again = true;
        return;
      }
      [busy, again] = [true, false];
      let found;
      try {
        found = { data: await latest.current.load(abort.signal), error: null };
      } catch (error) {
        found = { error };
      }
      busy = false;
      if (abort.signal.aborted) return;
      setState((before) => ({ key, data: before.key === key ? before.data : null, ...found, loading: false }));
      if (again) later();
    };
    const later = () => {
      if (!timer) {
        timer = setTimeout(() => {
          timer = 0;
          fetchNow();
        }, PAUSE);
      }
    };
    reload.current = fetchNow;
    fetchNow();
    const end = onEvents((event) => {
      if (event === null || latest.current.on(event)) later();
    });
    return () => {
      abort.abort();
      clearTimeout(timer);
      end();
    };
  }, [key]);

  const shown = state.key === key ? state : { data: null, error: null, loading: true };
  return { ...shown, reload: () => reload.current() };
}
