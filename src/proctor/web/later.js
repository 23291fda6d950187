// Loading again a moment after something has happened: once for many events, and not at once.
import { useEffect, useRef } from "./lib.js";
import { onEvents } from "./live.js";

/** Call `reload` `pause` milliseconds after the first event that `fits`, for all until then. */
export function useLater(reload, fits, pause) {
  const latest = useRef(reload);
  latest.current = reload;
  useEffect(() => {
    let timer = 0;
    const end = onEvents((event) => {
      if (event === null || !fits(event)) return;
      timer ||= setTimeout(() => {
        timer = 0;
        latest.current();
      }, pause);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, []);
}
