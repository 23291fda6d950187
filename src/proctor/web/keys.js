// Keyboard shortcuts: what they are is also what `?` shows.
import { useLayoutEffect, useRef } from "./lib.js";

/** [{current: [{keys, label, run}, ...]}, ...]: for each place that has some, the latest last. */
const lists = [];

/** Have these shortcuts while the component is there: [{keys: ["j"], label, run(event)}].
 *
 * A key is KeyboardEvent.key.  None is heard while somebody types or a dialog is open.  Of two places
 * that want a key the one that came later has it: a page, not the frame around it.
 */
export function useKeys(shortcuts) {
  const place = useRef(shortcuts);
  place.current = shortcuts;
  // At once, so that what is seen can be used.
  useLayoutEffect(() => {
    lists.push(place);
    return () => lists.splice(lists.indexOf(place), 1);
  }, []);
}

/** Return all shortcuts that hold now, for the help. */
export function shortcuts() {
  const taken = new Set();
  const found = lists.toReversed().map(({ current }) => {
    const mine = current.filter(({ keys }) => !keys.every((key) => taken.has(key)));
    for (const { keys } of mine) for (const key of keys) taken.add(key);
    return mine;
  });
  return found.toReversed().flat();
}

const TYPING = "input, textarea, select, [contenteditable]";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest?.(TYPING) || document.querySelector("dialog[open]")) return;
  // What Enter and the space do on a button or a link is the browser's to say.
  if (event.key === "Enter" && event.target.closest?.("a, button, summary")) return;
  for (const { current } of lists.toReversed()) {
    const found = current.find((shortcut) => shortcut.keys.includes(event.key));
    if (found) {
      event.preventDefault();
      found.run(event);
      return;
    }
  }
});
