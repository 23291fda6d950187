// Events in words, and what they look like.  Pure.

const WORDS = {
  "replica.waiting": "is to start",
  "replica.starting": "starts",
  "replica.up": "has started",
  "replica.ready": "is ready",
  "replica.unready": "is not ready any more",
  "replica.stop_command_failed": "was to end by a stop command, which failed",
  "replica.backoff": "ended, and will be started again",
  "replica.failed": "has failed, and is not started again",
  "replica.stopping": "stops",
  "replica.killing": "does not stop, and is being killed",
  "replica.down": "has ended",
  "task.created": "was created",
  "task.updated": "was changed",
  "task.removed": "was deleted",
  "task.roll_aborted": "its rolling restart was broken off",
  "task.essential_failed": "is essential and has failed, so the service ends",
  "schedule.fired": "runs by its schedule",
  "schedule.queued": "has a run wait for the one before",
  "schedule.skipped": "skipped a run",
  "schedule.missed": "missed a fire of its schedule",
};

/** Reasons that are words of the core's own, as a sentence goes on with them. */
const REASONS = {
  restarted: "to be started anew",
  updated: "its definition has changed",
  removed: "the task is being deleted",
};

/** Return what happened, without who it happened to: {what, why}. */
export function eventWords({ kind, reason = "", actor }) {
  if (reason === "stopped") {
    return { what: kind === "replica.down" ? "has stopped" : "stops", why: "" };
  }
  if (kind === "schedule.fired" && actor !== "schedule") return { what: "was asked to run now", why: "" };
  if (kind === "replica.waiting" && reason) return { what: "ended, and is started again at once", why: reason };
  const what = WORDS[kind] ?? kind.replace(".", " ").replaceAll("_", " ");
  return { what, why: REASONS[reason] ?? reason };
}

const OWN = { policy: "Proctor", service: "Proctor", schedule: "schedule", watch: "file watch", socket: "a connection" };

/** The actors that are the service itself, as /v1/history takes them. */
export const OWN_ACTORS = Object.keys(OWN).join(",");

/** Who was behind it, in a word or two. */
export const actorWords = (actor) => (actor ? (OWN[actor] ?? actor) : "Proctor");

/** Steps that are on the way to what follows at once. */
const ON_THE_WAY = ["replica.waiting", "replica.starting", "schedule.fired"];

/** Return the events, the newest first, without the steps that another one followed at once; that
 * one is by whoever was behind the first step. */
export function condensed(events) {
  const before = new Map();
  const kept = [];
  for (const event of events.toReversed()) {
    const key = event.replica === undefined ? `${event.task}:0` : `${event.task}:${event.replica}`;
    const step = before.get(key);
    const follows = step && event.at - step.at < 5 && event.kind.startsWith("replica.") && ["replica.starting", "replica.up", "replica.waiting", "replica.ready"].includes(event.kind);
    const shown = follows && event.actor === "policy" ? { ...event, actor: step.actor } : event;
    if (follows) kept.splice(kept.indexOf(step), 1);
    kept.push(shown);
    // With a reason it says why the one before is over.
    if (ON_THE_WAY.includes(event.kind) && !event.reason) before.set(key, shown);
    else before.delete(key);
  }
  return kept.reverse();
}

/** Return the state whose colour the event has. */
export function eventState({ kind, reason = "" }) {
  const [what, how] = kind.split(".");
  if (what === "schedule") return how === "fired" ? "scheduled" : "backoff";
  if (what === "task") return ["roll_aborted", "essential_failed"].includes(how) ? "failed" : "idle";
  if (how === "down" && reason && !["exited 0", "stopped"].includes(reason) && !REASONS[reason]) return "failed";
  if (how === "waiting" && reason) return "backoff";
  return { ready: "up", unready: "backoff", stop_command_failed: "failed" }[how] ?? how;
}

/** Return a function that says whether a text fits a glob (`*`, `?`), or one of several. */
export function globFits(globs) {
  const patterns = globs.split(",").map((glob) => {
    const escaped = glob.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
    return new RegExp(`^${escaped}$`, "s");
  });
  return (text) => patterns.some((pattern) => pattern.test(text));
}

/** Return a function that says whether an event fits what /v1/history was asked for. */
export function eventFits({ task, kind, actor }) {
  const [ofTask, ofKind] = [globFits(task || "*"), globFits(kind || "*")];
  const others = (actor || "*").startsWith("!");
  const ofActor = globFits((actor || "*").replace(/^!/, ""));
  return (event) =>
    Boolean(event.task) && !event.task.startsWith("@") && ofTask(event.task) && ofKind(event.kind) &&
    ofActor(event.actor ?? "") !== others;
}
