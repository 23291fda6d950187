// Every page there is.  `nav` is its name in the navigation; `load` fetches its module, whose default
// export is the page's component: it gets `params` (of the path) and `query` (URLSearchParams).
import { match } from "./router.js";

export const routes = [
  { path: "/", title: "Overview", nav: "Overview", load: () => import("./pages/overview.js") },
  { path: "/logs", title: "Logs", nav: "Logs", load: () => import("./pages/logs.js") },
  { path: "/schedule", title: "Schedule", nav: "Schedule", load: () => import("./pages/schedule.js") },
  { path: "/graph", title: "Graph", nav: "Graph", load: () => import("./pages/graph.js") },
  { path: "/events", title: "Events", nav: "Events", load: () => import("./pages/events.js") },
  { path: "/new", title: "New task", load: () => import("./pages/edit.js") },
  { path: "/edit/:name", title: "Edit", load: () => import("./pages/edit.js") },
  { path: "/task/:name", title: "Task", load: () => import("./pages/task.js") },
];

/** Return the route for a path and its params, null if there is none. */
export function find(path) {
  for (const route of routes) {
    const params = match(route.path, path);
    if (params) return { route, params };
  }
  return null;
}

/** Whether there is a page at this path: for links to pages that may not be there. */
export const exists = (path) => find(path) !== null;
