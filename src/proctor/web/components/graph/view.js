// The drawing: zoomed and moved by wheel, fingers, buttons and keys; a node renders when its task changes.
import { count } from "../../format.js";
import { useKeys } from "../../keys.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef } from "../../lib.js";
import { signalOf, taskOf } from "../../live.js";
import { go, href } from "../../router.js";
import { fitting, nearest } from "./layout.js";
import { useViewport } from "./viewport.js";

/** `chain`: name -> {waited, took} of the critical chain; `onSelect(name)`. */
export function View({ layout, chain, selected, onSelect }) {
  const box = useRef(null);
  const view = useViewport(box, layout, focusOf(layout, chain, selected));
  const near = useMemo(() => neighbours(layout.edges, selected), [layout, selected]);
  const first = selected && layout.nodes.some((node) => node.name === selected) ? selected : layout.nodes[0]?.name;

  useEffect(() => {
    const node = layout.nodes.find(({ name }) => name === selected);
    if (node) view.reveal(node);
  }, [layout, selected]);
  useKeys(useMemo(() => [
    { keys: ["+", "="], label: "Closer", run: () => view.zoom(1.25) },
    { keys: ["-"], label: "Farther", run: () => view.zoom(0.8) },
    { keys: ["0"], label: "The whole graph", run: () => view.fit() },
  ], [view]));

  const move = (event) => {
    const name = event.target.closest?.("[data-node]")?.dataset.node;
    if (!name || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    const next = nearest(layout.nodes, layout.nodes.find((node) => node.name === name), event.key);
    if (next) [...box.current.querySelectorAll("[data-node]")].find((node) => node.dataset.node === next.name)?.focus({ preventScroll: true });
  };
  const label = `Dependencies of ${count(layout.nodes.length, "task")}; arrow keys go from one to another, Enter opens it. The same is below as text.`;
  return html`<div class="graph-view" ref=${box} style=${{ "--drawn": `${Math.round(layout.height + 60)}px` }} onKeyDown=${move}>
    <svg role="group" aria-label=${label} width="100%" height="100%">
      <defs><marker id="graph-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" markerWidth="9" markerHeight="9" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" /></marker></defs>
      <g ref=${view.moved}>
        <g aria-hidden="true">${layout.edges.map((edge) => html`<${Edge} key=${edge.key} edge=${edge} critical=${chain.has(edge.task) && chain.get(edge.task).after === edge.needs} dim=${selected && !near.has(edge.key)} />`)}</g>
        ${layout.nodes.map((node) => html`<${Node} key=${node.name} node=${node} link=${chain.get(node.name)} chosen=${node.name === selected} dim=${selected && node.name !== selected && !near.has(node.name)} tab=${node.name === first} onSelect=${onSelect} />`)}
      </g>
    </svg>
    <div class="graph-tools" role="group" aria-label="Zoom">
      <button type="button" class="icon-button" aria-label="Closer" onClick=${() => view.zoom(1.25)}>+</button>
      <button type="button" class="icon-button" aria-label="Farther" onClick=${() => view.zoom(0.8)}>−</button>
      <button type="button" class="icon-button" aria-label="The whole graph" title="The whole graph (0)" onClick=${() => view.fit()}>⤢</button>
    </div>
  </div>`;
}

/** What one came to see: the task that is chosen, one that is held up, the critical chain. */
function focusOf({ nodes, edges }, chain, selected) {
  const held = edges.find((edge) => edge.why && taskIsHeld(edge.task))?.task;
  return nodes.find(({ name }) => name === (selected || held)) ?? nodes.find(({ name }) => chain.has(name)) ?? nodes[0];
}

const HELD = ["waiting", "blocked"];
const taskIsHeld = (name) => HELD.includes(signalOf(name)?.peek().state);

/** The names and the edges' keys that have to do with a task: all that it needs, all that needs it. */
function neighbours(edges, name) {
  const found = new Set();
  for (const [from, to] of [["task", "needs"], ["needs", "task"]]) {
    const todo = [name];
    const seen = new Set(todo);
    while (todo.length) {
      const one = todo.pop();
      for (const edge of edges) {
        if (edge[from] !== one) continue;
        found.add(edge.key).add(edge[to]);
        if (!seen.has(edge[to])) {
          seen.add(edge[to]);
          todo.push(edge[to]);
        }
      }
    }
  }
  return found;
}

function Edge({ edge, critical, dim }) {
  const state = taskOf(edge.task)?.state;
  // Who is stopped waits for nothing, whatever is not there.
  const unmet = HELD.includes(state) ? "waits" : "unmet";
  const kind = edge.why ? unmet : critical ? "critical" : "met";
  return html`<path class="graph-edge" data-edge=${edge.key} data-kind=${kind} data-optional=${!edge.required || undefined} data-dim=${dim || undefined} d=${edge.path} marker-end="url(#graph-arrow)" />`;
}

function Node({ node, link, chosen, dim, tab, onSelect }) {
  const { name, x, y, width, height } = node;
  const task = taskOf(name);
  const state = task?.state ?? "missing";
  const under = task ? `${state}${link ? ` · ${seconds(link.took)}` : ""}` : "does not exist";
  const click = (event) => {
    // The keyboard (detail 0) opens the task, as a link does; the pointer shows what is with it.
    if (event.detail === 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    onSelect(name);
  };
  const label = [`${name} ${under}`, task && task.reason !== state && task.reason, link && "on the critical chain"].filter(Boolean).join(", ");
  return html`<a class="graph-node" href=${href("/task", name)} data-node=${name} data-state=${state} data-chosen=${chosen || undefined} data-critical=${Boolean(link) || undefined} data-dim=${dim || undefined}
    tabindex=${tab ? 0 : -1} aria-label=${label} transform=${`translate(${(x - width / 2).toFixed(1)} ${(y - height / 2).toFixed(1)})`} draggable="false"
    onClick=${click} onDblClick=${() => go(href("/task", name))} onFocus=${() => onSelect(name)}>
    <rect width=${width} height=${height} rx="8" />
    <circle cx="16" cy="18" r="4.5" />
    <text x="28" y="22" class="graph-name">${fitting(name)}</text>${" "}
    <text x="28" y="38" class="graph-under">${under}</text>
    <title>${label}</title>
  </a>`;
}

export const seconds = (s) => (s < 0.0005 ? "0 s" : s < 1 ? `${Math.round(s * 1000)} ms` : s < 60 ? `${Number(s.toFixed(1))} s` : `${Math.round(s / 60)} min`);
