// The frame around the pages: navigation, connection, theme, help, log-in.
import { get, login, setToken, token } from "./api.js";
import { Dialog, Questions } from "./components/dialog.js";
import { Failure } from "./components/basics.js";
import { moment } from "./format.js";
import { shortcuts, useKeys } from "./keys.js";
import { html, render, signal, useEffect, useErrorBoundary, useRef, useState } from "./lib.js";
import { begin, connection, now, reconnect } from "./live.js";
import { find, routes } from "./routes.js";
import { go, href, location } from "./router.js";
import { Toasts } from "./toasts.js";

const help = signal(false);
const theme = signal(document.documentElement.dataset.theme ?? "");

function App() {
  useKeys([
    { keys: ["?"], label: "Show this help", run: () => (help.value = true) },
    { keys: ["g"], label: "Go to the overview", run: () => go("#/") },
    { keys: ["t"], label: "Dark or light", run: turnTheme },
  ]);
  if (login.value !== null) return html`<${Login} /><${Toasts} />`;
  return html`
    <a class="skip" href=${window.location.hash || "#/"} onClick=${skip}>Skip to the content</a>
    <${Bar} />
    <main id="main" tabindex="-1"><${Page} /></main>
    <${Lost} />
    <${Toasts} />
    <${Questions} />
    ${help.value && html`<${Help} />`}
  `;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function Bar() {
  const here = find(location.value.path)?.route;
  const shown = routes.filter((route) => route.nav);
  return html`<header class="bar">
    <a class="brand" href="#/"><img src="/ui/images/icon.svg" alt="" width="22" height="22" />Proctor</a>
    <nav aria-label="Pages">
      ${shown.map(
        (route) => html`<a key=${route.path} href=${href(route.path)}
          aria-current=${here === route ? "page" : undefined}>${route.nav}</a>`,
      )}
    </nav>
    <div class="bar-end">
      <${Connection} />
      <button type="button" class="icon-button" onClick=${turnTheme} aria-label=${`Theme: ${theme.value || "as the system"}`} title="Dark or light">
        <span class="icon-theme" aria-hidden="true"></span>
      </button>
      <button type="button" class="icon-button" onClick=${() => (help.value = true)} aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)">?</button>
      ${token.value && html`<button type="button" class="button quiet" onClick=${logOut}>Log out</button>`}
    </div>
  </header>`;
}

const PATIENCE = 4;
const WORDS = { connecting: "connecting", live: "live", reconnecting: "reconnecting" };

function Connection() {
  const { state, reason } = connection.value;
  return html`<span class="connection" role="status" data-state=${state} title=${reason || "What you see is what is"}>
    <span class="dot" aria-hidden="true"></span>${WORDS[state]}
  </span>`;
}

/** Says that what is seen is of the past, but not of the moment that a reload of the service takes. */
function Lost() {
  const { state, since } = connection.value;
  if (state !== "reconnecting" || now.value - since < PATIENCE) return null;
  return html`<p class="lost" role="status">Proctor cannot be reached: this is how it was at ${moment(since)}</p>`;
}

// Pages.

function Page() {
  const { path, query } = location.value;
  const found = find(path);
  useEffect(() => {
    document.title = found ? `${found.params.name ?? found.route.title} · Proctor` : "Proctor";
    window.scrollTo(0, 0);
  }, [path]);
  if (!found) return html`<${NotHere} path=${path} />`;
  const { route, params } = found;
  return html`<${Loaded} key=${route.path} route=${route} params=${params} query=${query} />`;
}

function Loaded({ route, params, query }) {
  const [module, setModule] = useState(null);
  const [error, reset] = useErrorBoundary((error) => console.error(error));
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    route.load().then((found) => setModule(() => found.default), () => setMissing(true));
  }, []);
  if (missing) return html`<${Missing} />`;
  if (error) return html`<${Failure} error=${error} retry=${reset} />`;
  if (!module) return html`<div class="loading" role="status" aria-label="Loading"></div>`;
  return html`<${module} params=${params} query=${query} />`;
}

/** A page whose modules could not be fetched.  Browsers may remember that of a module, so what
 * helps is to load all anew: once the service answers, for before there would be nothing at all. */
function Missing() {
  const { state } = connection.value;
  const lost = useRef(false);
  useEffect(() => {
    if (state !== "live") lost.current = true;
    else if (lost.current) window.location.reload();
  }, [state]);
  const retry = () => get("/v1/info").then(() => window.location.reload(), () => {});
  const words = state === "live" ? "The page could not be loaded" : "Proctor cannot be reached";
  return html`<${Failure} error=${{ message: words }} retry=${retry} />`;
}

function NotHere({ path }) {
  return html`<div class="failure"><h1>There is nothing at ${path}</h1>
    <p><a href="#/">Go to the overview</a></p></div>`;
}

// Help and theme.

const SIGNS = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", " ": "space" };

function Help() {
  return html`<${Dialog} title="Keyboard shortcuts" onClose=${() => (help.value = false)}>
    <dl class="keys">
      ${shortcuts().map(
        ({ keys, label }) => html`<div key=${label}><dt>${keys.map((key) => html`<kbd key=${key}>${SIGNS[key] ?? key}</kbd>`)}</dt><dd>${label}</dd></div>`,
      )}
    </dl>
    <p class="muted">The interface that this page uses is described at <a href="/docs">/docs</a>.</p>
  <//>`;
}

function turnTheme() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  const shown = theme.peek() || (dark ? "dark" : "light");
  const next = shown === "dark" ? "light" : "dark";
  // What the system says anyway need not be remembered: then the page follows it again.
  theme.value = next === (dark ? "dark" : "light") ? "" : next;
  if (theme.value) document.documentElement.dataset.theme = theme.value;
  else delete document.documentElement.dataset.theme;
  try {
    localStorage.setItem("proctor.theme", theme.value);
  } catch {
    // It holds for this page then.
  }
}

// Log-in.

function Login() {
  const [busy, setBusy] = useState(false);
  const enter = async (event) => {
    event.preventDefault();
    const given = new FormData(event.target).get("token").trim();
    setBusy(true);
    setToken(given);
    try {
      await get("/v1/info");
      login.value = null;
    } catch (error) {
      if (error.status !== 401) login.value = error.message;
    }
    setBusy(false);
  };
  return html`<main class="login">
    <form onSubmit=${enter}>
      <h1><img src="/ui/images/icon.svg" alt="" width="28" height="28" />Proctor</h1>
      <label class="field"><span>Token</span>
        <input name="token" type="password" autocomplete="current-password" required autofocus aria-describedby="login-error" />
      </label>
      <p id="login-error" class="login-error" role="alert">${login.value}</p>
      <button class="button primary" aria-busy=${busy}>Log in</button>
      <p class="muted">It is the one that the service was started with (PROCTOR_TOKEN). It is kept until this tab is closed.</p>
    </form>
  </main>`;
}

function logOut() {
  setToken("");
  login.value = "";
  reconnect();
}

begin();
render(html`<${App} />`, document.getElementById("app"));
