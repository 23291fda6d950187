// Keyboard shortcuts: what they are is also what `?` shows.
import { useEffect } from "./lib.js";

/** [[{keys, label, run, shown?}], ...]: one list for each place that has some, the latest last. */
const lists = [];

/** Have these shortcuts while the component is there: [{keys: ["j"], label, run(event)}].
 *
 * A key is KeyboardEvent.key.  None is heard while somebody types or a dialog is open.
 */
export function useKeys(shortcuts) {
  useEffect(() => {
    lists.push(shortcuts);
    return () => lists.splice(lists.indexOf(shortcuts), 1);
  });
}

/** Return all shortcuts that hold now, for the help. */
export const shortcuts = () => lists.flat();

const TYPING = "input, textarea, select, [contenteditable]";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest?.(TYPING) || document.querySelector("dialog[open]")) return;
  // What Enter and the space do on a button or a link is the browser's to say.
  if (event.key === "Enter" && event.target.closest?.("a, button, summary")) return;
  for (const list of lists.toReversed()) {
    const found = list.find((shortcut) => shortcut.keys.includes(event.key));
    if (found) {
      event.preventDefault();
      found.run(event);
      return;
    }
  }
});
