// In which states the replicas of a task have been, and the events that say why.
import { get } from "../../api.js";
import { actorWords, condensed, eventWords } from "../../eventwords.js";
import { duration, moment } from "../../format.js";
import { html, useState } from "../../lib.js";
import { now } from "../../live.js";
import { useResource } from "../../resource.js";
import { exists } from "../../routes.js";
import { href } from "../../router.js";
import { Choice, Empty, Moment, Section } from "../basics.js";

const SPANS = [[600, "10 min"], [3600, "1 h"], [86_400, "24 h"]];
const MOST = 12;

export function Timeline({ task }) {
  const [span, setSpan] = useState(600);
  const { data } = useResource(
    `timeline ${task.name}`,
    (abort) => get("/v1/history", { task: task.name, limit: 1000 }, { signal: abort }),
    (event) => event.task === task.name,
  );
  const events = data?.events ?? [];
  const until = now.value;
  const tracks = tracksOf(events, task, until - span, until);
  const more = exists("/events") && html`<a class="small" href=${href("/events", { task: task.name })}>All events</a>`;
  return html`<${Section} title="States" aside=${html`<${Choice} label="Span of the states" options=${SPANS} value=${span} onChange=${setSpan} />`}>
    ${tracks.length === 0 && data && html`<${Empty}>Nothing has happened yet.<//>`}
    <div class="tracks" aria-hidden="true">
      ${tracks.map(([alias, pieces]) => html`<div key=${alias} class="track"><span class="small muted clip">${alias}</span>
        <div class="track-bar">${pieces.map((piece) => html`<${Piece} key=${piece.begin} piece=${piece} since=${until - span} span=${span} />`)}</div></div>`)}
      <div class="track track-scale small muted"><span></span><div><span>${duration(span)} ago</span><span>now</span></div></div>
    </div>
    <ol class="happenings">
      ${condensed(events.slice(0, 60)).slice(0, 8).map((event) => html`<${Happening} key=${event.id} event=${event} />`)}
    </ol>
    ${more && html`<p class="section-foot">${more}</p>`}
  <//>`;
}

function Piece({ piece, since, span }) {
  const share = (seconds) => `${((100 * seconds) / span).toFixed(3)}%`;
  const title = `${piece.state} ${duration(piece.end - piece.begin)} from ${moment(piece.begin)}${piece.reason ? `: ${piece.reason}` : ""}`;
  return html`<span class="piece" data-state=${piece.state} title=${title}
    style=${{ left: share(piece.begin - since), width: share(piece.end - piece.begin) }}></span>`;
}

function Happening({ event }) {
  const { what, why } = eventWords(event);
  const who = event.replica === undefined ? "" : `${event.task}:${event.replica}`;
  return html`<li><span class="muted"><${Moment} at=${event.at} /></span>
    <span class="muted who" title=${who}>${who}</span>
    <span>${what}${why && html`<span class="muted">: ${why}</span>`}</span>
    <span class="muted actor">${actorWords(event.actor)}</span></li>`;
}

/** Return [[alias, [{state, begin, end, reason}]]] of the span, from events, the newest first. */
export function tracksOf(events, task, since, until) {
  const tracks = new Map();
  const checked = Boolean(task.spec.readiness || task.spec.startup);
  for (const event of [...events].reverse()) {
    const state = stateAfter(event.kind, checked);
    if (!state || event.replica === undefined) continue;
    const alias = `${event.task}:${event.replica}`;
    const pieces = tracks.get(alias) ?? [];
    const last = pieces.at(-1);
    if (last) last.end = event.at;
    pieces.push({ state, begin: event.at, end: until, reason: event.reason });
    tracks.set(alias, pieces);
  }
  const there = new Set(task.replicas.map((one) => one.alias));
  return [...tracks]
    .filter(([alias]) => there.has(alias))
    .map(([alias, pieces]) => [alias, inside(pieces, since, until)])
    .sort(([a], [b]) => Number(a.split(":")[1]) - Number(b.split(":")[1]))
    .slice(0, MOST);
}

function stateAfter(kind, checked) {
  const [what, state] = kind.split(".");
  if (what !== "replica") return null;
  if (state === "up") return checked ? "starting" : "up";
  if (state === "ready") return "up";
  if (state === "unready") return "starting";
  return state;
}

const inside = (pieces, since, until) =>
  pieces
    .filter((piece) => piece.end > since && piece.begin < until && piece.state !== "down")
    .map((piece) => ({ ...piece, begin: Math.max(piece.begin, since), end: Math.min(piece.end, until) }));
