// Where the nodes and edges of the dependency graph are.  Dagre is loaded when it is needed.

const HEIGHT = 48;
const LETTER = 7.4;

/** Return {nodes, edges, width, height, loose}, for a graph as GET /v1/graph has it.
 *
 * A node is {name, x, y, width, height} with its middle, an edge {key, task, needs, path, ...}, and
 * `loose` are the names of tasks without any dependency either way: they would only be in the way.
 */
export async function layoutOf({ nodes, edges }, direction) {
  const { Graph, layout } = await import("../../vendor/dagre/dagre.js");
  const linked = new Set(edges.flatMap(({ task, needs }) => [task, needs]));
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: direction, nodesep: 18, ranksep: direction === "LR" ? 70 : 46, marginx: 24, marginy: 24 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const name of [...linked].sort()) graph.setNode(name, { width: widthOf(name), height: HEIGHT });
  for (const { task, needs } of edges) graph.setEdge(needs, task, {}, `${needs} ${task}`);
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    nodes: graph.nodes().map((name) => ({ name, ...graph.node(name) })),
    edges: edges.map((edge) => ({ ...edge, key: `${edge.needs} ${edge.task}`, path: curve(graph.edge(edge.needs, edge.task, `${edge.needs} ${edge.task}`).points, direction) })),
    width: Number.isFinite(width) ? width : 0,
    height: Number.isFinite(height) ? height : 0,
    loose: nodes.map((node) => node.name).filter((name) => !linked.has(name)),
  };
}

const widthOf = (name) => Math.min(230, Math.max(146, 44 + name.length * LETTER));

/** What of a name fits into its node. */
export const fitting = (name) => (name.length > 25 ? `${name.slice(0, 24)}…` : name);

/** A smooth line through points, which leaves and arrives in the direction of the graph. */
function curve(points, direction) {
  const [first, ...rest] = points;
  let path = `M${first.x.toFixed(1)} ${first.y.toFixed(1)}`;
  let before = first;
  for (const point of rest) {
    const bend = direction === "LR" ? [[(before.x + point.x) / 2, before.y], [(before.x + point.x) / 2, point.y]] : [[before.x, (before.y + point.y) / 2], [point.x, (before.y + point.y) / 2]];
    path += `C${bend.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join(" ")} ${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
    before = point;
  }
  return path;
}

/** Return the node that is nearest in a direction, as arrow keys have it. */
export function nearest(nodes, from, key) {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  let [found, least] = [null, Infinity];
  for (const node of nodes) {
    const along = (node.x - from.x) * dx + (node.y - from.y) * dy;
    const aside = Math.abs((node.x - from.x) * dy) + Math.abs((node.y - from.y) * dx);
    if (node.name === from.name || along < 10) continue;
    const cost = along + 2.5 * aside;
    if (cost < least) [found, least] = [node, cost];
  }
  return found;
}
