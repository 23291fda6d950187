// The dependency graph with live states, what blocks what, and the critical chain.
import { get } from "../api.js";
import { AsText, Aside, Loose } from "../components/graph/words.js";
import { Empty, Failure } from "../components/basics.js";
import { layoutOf } from "../components/graph/layout.js";
import { View } from "../components/graph/view.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { useLater } from "../later.js";
import { useResource } from "../resource.js";
import { setQuery } from "../router.js";

const PAUSE = 500; // Readiness of many tasks may change at once, and the graph is one answer.
const NARROW = 720;
const concerns = ({ kind }) => /^(task|replica)\./.test(kind);

export default function Graph({ query }) {
  const selected = query.get("task") ?? "";
  const { data, error, reload } = useResource("graph", (abort) => get("/v1/graph", {}, { signal: abort }));
  useLater(reload, concerns, PAUSE);
  const layout = useLayout(data);
  const chain = useMemo(() => chainOf(data), [data]);
  // The edges' conditions are those of now, their places those of the layout.
  const drawn = useMemo(() => layout && withEdges(layout, data), [layout, data]);
  const select = useRef((name) => setQuery({ task: name })).current;

  if (error && !data) return html`<${Failure} error=${error} retry=${reload} />`;
  return html`<div class="graph">
    <div class="page-head"><h1>Graph</h1><span class="spacer"></span><${Legend} /></div>
    ${!drawn && html`<div class="loading" role="status" aria-label="Loading"></div>`}
    ${drawn && drawn.nodes.length === 0 && html`<div class="section"><${Empty}>No task depends on another.<//></div>`}
    ${drawn && drawn.nodes.length > 0 && html`<div class="graph-columns">
      <${View} layout=${drawn} chain=${chain} selected=${selected} onSelect=${select} />
      <${Aside} graph=${data} selected=${selected} onSelect=${select} />
    </div>
    <${AsText} graph=${data} />`}
    ${drawn && html`<${Loose} names=${drawn.loose} />`}
  </div>`;
}

const Legend = () => html`<ul class="graph-legend small muted" aria-hidden="true">
  <li><span data-kind="met"></span>satisfied</li><li><span data-kind="waits"></span>waits</li><li><span data-kind="critical"></span>critical chain</li>
</ul>`;

/** Return the layout; made anew only when other tasks or dependencies are there. */
function useLayout(graph) {
  const [layout, setLayout] = useState(null);
  const [direction, setDirection] = useState(window.innerWidth <= NARROW ? "TB" : "LR");
  useEffect(() => {
    const narrow = window.matchMedia(`(max-width: ${NARROW}px)`);
    const turn = () => setDirection(narrow.matches ? "TB" : "LR");
    narrow.addEventListener("change", turn);
    return () => narrow.removeEventListener("change", turn);
  }, []);
  const shape = graph && JSON.stringify([direction, graph.nodes.map((node) => node.name), graph.edges.map((edge) => [edge.task, edge.needs])]);
  useEffect(() => {
    if (!shape) return undefined;
    let there = true;
    layoutOf(graph, direction).then((found) => there && setLayout(found));
    return () => (there = false);
  }, [shape]);
  return layout;
}

function withEdges(layout, graph) {
  const now = new Map(graph.edges.map((edge) => [`${edge.needs} ${edge.task}`, edge]));
  return { ...layout, edges: layout.edges.map((edge) => ({ ...edge, ...now.get(edge.key) })) };
}

/** Return name -> {waited, took, after}: `after` is the link before it. */
function chainOf(graph) {
  const links = graph?.critical_chain ?? [];
  if (links.length < 2) return new Map();
  return new Map(links.map((link, n) => [link.task, { ...link, after: links[n + 1]?.task }]));
}
