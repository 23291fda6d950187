// Hash routes: `#/task/web?replica=0`.  A reload, a bookmark and the back button just work.
import { signal } from "./lib.js";

/** Where we are: `path` as in "/task/web", `query` as URLSearchParams. */
export const location = signal(parse(window.location.hash));

window.addEventListener("hashchange", () => {
  location.value = parse(window.location.hash);
});

function parse(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?", 2);
  return { path: path || "/", query: new URLSearchParams(query) };
}

/** Return the link to a path, each piece given plain: href("/task", name), with a query object. */
export function href(path, ...rest) {
  const query = typeof rest.at(-1) === "object" ? rest.pop() : {};
  const pieces = rest.map((piece) => "/" + encodeURIComponent(piece)).join("");
  const given = Object.entries(query).filter(([, v]) => v !== "" && v !== null && v !== undefined);
  const text = new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString();
  return `#${path}${pieces}${text && "?" + text}`;
}

/** Go there; with `replace` the back button does not come back here. */
export function go(to, { replace = false } = {}) {
  if (!replace) {
    window.location.hash = to;
    return;
  }
  window.history.replaceState(null, "", to);
  location.value = parse(window.location.hash);
}

/** Set parameters of the query in place ("" removes one), without a step in the history. */
export function setQuery(changes) {
  const { path, query } = location.peek();
  const all = { ...Object.fromEntries(query), ...changes };
  go(href(path, all), { replace: true });
}

/** Return the pieces of `path` that a pattern like "/task/:name" names, null if it does not fit. */
export function match(pattern, path) {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== given.length) return null;
  const params = {};
  for (const [n, piece] of wanted.entries()) {
    if (piece.startsWith(":")) {
      const value = plain(given[n]);
      if (!value) return null;
      params[piece.slice(1)] = value;
    } else if (piece !== given[n]) {
      return null;
    }
  }
  return params;
}

function plain(piece) {
  try {
    return decodeURIComponent(piece);
  } catch {
    return "";
  }
}
