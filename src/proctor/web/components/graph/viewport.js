// What of a drawing is seen, and how large: {x, y, k}, screen = drawing * k + (x, y).
import { useEffect, useMemo, useRef } from "../../lib.js";

const LEAST = 0.15;
const READABLE = 0.6;
const MOST = 2.5;

/** Return {moved, zoom(by), fit(), reveal(node)}; `moved` is the ref of what is transformed.
 *
 * It begins with all of the drawing in sight or, where nobody could read that, with what is around
 * `focus`, {x, y}; and again when the drawing changes before somebody moved it.
 */
export function useViewport(box, { width, height }, focus) {
  const moved = useRef(null);
  const size = useRef({});
  size.current = { width, height, focus };
  const view = useMemo(() => new Viewport(box, moved, size), []);

  useEffect(() => {
    if (!view.touched) view.begin();
  }, [width, height]);
  useEffect(() => view.listen(), []);
  return view;
}

class Viewport {
  /** Whether somebody has moved it: then it stays where it is. */
  touched = false;
  #at = { x: 0, y: 0, k: 1 };
  #fingers = new Map();

  constructor(box, moved, size) {
    Object.assign(this, { box, moved, size });
  }

  begin() {
    this.fit();
    const { width, height, focus } = this.size.current;
    if (!this.box.current || this.#at.k >= READABLE || !focus) return;
    const { clientWidth: w, clientHeight: h } = this.box.current;
    // Around the focus, but not beyond the edges; what is smaller than the view is in its middle.
    const place = (at, whole, seen) => (whole * READABLE < seen ? (seen - whole * READABLE) / 2 : Math.min(0, Math.max(seen - whole * READABLE, seen / 2 - at * READABLE)));
    this.#set({ k: READABLE, x: place(focus.x, width, w), y: place(focus.y, height, h) });
  }

  fit() {
    if (!this.box.current) return; // The page has gone meanwhile.
    this.touched = false;
    const { clientWidth: w, clientHeight: h } = this.box.current;
    const { width, height } = this.size.current;
    if (!width || !height) return;
    const k = Math.min(1, Math.max(LEAST, Math.min(w / width, h / height)));
    this.#set({ k, x: (w - width * k) / 2, y: (h - height * k) / 2 });
  }

  zoom(by, at = this.#middle()) {
    const { x, y, k } = this.#at;
    this.touched = true;
    const next = Math.min(MOST, Math.max(LEAST, k * by));
    this.#set({ k: next, x: at.x - ((at.x - x) * next) / k, y: at.y - ((at.y - y) * next) / k });
  }

  /** Move so that a node is in sight. */
  reveal({ x, y, width, height }) {
    if (!this.box.current) return;
    const { clientWidth: w, clientHeight: h } = this.box.current;
    const at = this.#at;
    const [left, right] = [(x - width / 2) * at.k + at.x, (x + width / 2) * at.k + at.x];
    const [top, bottom] = [(y - height / 2) * at.k + at.y, (y + height / 2) * at.k + at.y];
    const into = (low, high, most) => (low < 12 ? 12 - low : high > most - 12 ? most - 12 - high : 0);
    this.#set({ ...at, x: at.x + into(left, right, w), y: at.y + into(top, bottom, h) });
  }

  #middle() {
    const { clientWidth, clientHeight } = this.box.current;
    return { x: clientWidth / 2, y: clientHeight / 2 };
  }

  #set(at) {
    this.#at = at;
    this.moved.current?.setAttribute("transform", `translate(${at.x.toFixed(2)} ${at.y.toFixed(2)}) scale(${at.k.toFixed(4)})`);
  }

  #moveBy(dx, dy) {
    this.touched = true;
    this.#set({ ...this.#at, x: this.#at.x + dx, y: this.#at.y + dy });
  }

  // Wheel and fingers.

  listen() {
    const box = this.box.current;
    const on = { wheel: this.#wheel, pointerdown: this.#down, pointermove: this.#drag, pointerup: this.#up, pointercancel: this.#up };
    for (const [name, does] of Object.entries(on)) box.addEventListener(name, does, { passive: false });
    const watcher = new ResizeObserver(() => this.touched || this.begin());
    watcher.observe(box);
    return () => {
      watcher.disconnect();
      for (const [name, does] of Object.entries(on)) box.removeEventListener(name, does);
    };
  }

  #here = (event) => {
    const { left, top } = this.box.current.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };

  /** With Ctrl, which is also what pinching a touchpad is, it zooms; else it moves. */
  #wheel = (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(-event.deltaY * 0.006), this.#here(event));
    else this.#moveBy(-event.deltaX, -event.deltaY);
  };

  #down = (event) => {
    if (event.button !== 0 || event.target.closest("button")) return;
    this.#fingers.set(event.pointerId, { ...this.#here(event), dragged: false });
  };

  #drag = (event) => {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    const at = this.#here(event);
    const [dx, dy] = [at.x - before.x, at.y - before.y];
    // A click may shake a little; what is dragged is held on to, and is no click.
    if (!before.dragged && Math.hypot(dx, dy) < 4) return;
    if (!before.dragged) this.box.current.setPointerCapture(event.pointerId);
    const other = [...this.#fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.#fingers.set(event.pointerId, { ...at, dragged: true });
    if (!other) {
      this.#moveBy(dx, dy);
      return;
    }
    const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
    this.zoom(apart(at) / apart(before), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
  };

  #up = (event) => this.#fingers.delete(event.pointerId);
}
