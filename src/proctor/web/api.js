// How pages talk to /v1.  Every failure is an ApiError with words that can be shown.
import { signal } from "./lib.js";
import { events } from "./sse.js";

const KEY = "proctor.token";

/** The token, "" if none is known; it lives as long as the tab. */
export const token = signal(sessionStorage.getItem(KEY) ?? "");

/** What the login page says: null means that nobody has to log in. */
export const login = signal(null);

export function setToken(value) {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
  token.value = value;
}

export class ApiError extends Error {
  /** `status` 0: the service was not reached.  `field` names what was wrong of the body. */
  constructor(message, status, problem = {}) {
    super(message);
    this.status = status;
    this.code = problem.code ?? "";
    this.field = problem.field ?? "";
    this.problem = problem;
  }
}

/** Return the answer's JSON.
 *
 * `query`: parameters; null, undefined and "" are left out.  `body` is sent as JSON.
 */
export async function request(method, path, { query, body, signal: abort } = {}) {
  const response = await send(method, path, { query, body, abort, accept: "application/json" });
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}

export const get = (path, query, options = {}) => request("GET", path, { query, ...options });
export const post = (path, body, query, options = {}) =>
  request("POST", path, { query, body, ...options });
export const put = (path, body, query) => request("PUT", path, { query, body });
export const patch = (path, body, query) => request("PATCH", path, { query, body });
export const del = (path, query) => request("DELETE", path, { query });

/** Return an async iterator over server-sent events, once the server has begun: see sse.js. */
export async function stream(path, { query, headers, signal: abort, silence } = {}) {
  const accept = "text/event-stream";
  const response = await send("GET", path, { query, headers, abort, accept });
  return events(response, silence);
}

/** Return the response itself, for downloads.  Raises ApiError. */
export async function send(method, path, { query, body, headers: more, abort, accept = "*/*" } = {}) {
  const headers = { accept, ...more };
  if (token.peek()) headers.authorization = `Bearer ${token.peek()}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(address(path, query), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: abort,
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("Proctor cannot be reached", 0);
  }
  if (response.ok) return response;
  throw await refused(response);
}

function address(path, query = {}) {
  const given = Object.entries(query).filter(([, v]) => v !== "" && v !== null && v !== undefined);
  const text = new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString();
  return text ? `${path}?${text}` : path;
}

async function refused(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // No JSON: the status has to do.
  }
  const words = problem.detail ?? problem.title ?? problem.msg ?? `HTTP ${response.status}`;
  const error = new ApiError(words, response.status, problem);
  if (response.status === 401) {
    login.value = token.peek() ? "The token is not the right one." : "";
    if (token.peek()) setToken("");
  }
  return error;
}

/** Return the path of something of a task: taskPath("web", "runs"). */
export const taskPath = (name, ...rest) =>
  ["/v1/tasks", encodeURIComponent(name), ...rest].join("/");
