// What all modules use of others' libraries, in one place.
import htm from "./vendor/htm/htm.js";
import { h } from "./vendor/preact/preact.js";

export { Fragment, createContext, h, render } from "./vendor/preact/preact.js";
export {
  useCallback,
  useContext,
  useEffect,
  useErrorBoundary,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "./vendor/preact/hooks.js";
export {
  batch,
  computed,
  effect,
  signal,
  untracked,
  useComputed,
  useSignal,
  useSignalEffect,
} from "./vendor/signals/signals.js";

export const html = htm.bind(h);
