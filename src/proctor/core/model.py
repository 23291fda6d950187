"""Tasks that exist: their replicas, states and runs, and how those end.  Values only."""

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from .spec import Spec as Spec
from .spec import TaskType as TaskType


class State(StrEnum):
    """What a replica is doing; `machine.TABLE` says what each state answers to each event."""

    DOWN = "down"  # nothing runs and nothing is due
    WAITING = "waiting"  # should run, but something has to happen first: see World.blockers
    STARTING = "starting"  # a spawn is on its way to the engine
    UP = "up"  # its process runs
    STOPPING = "stopping"  # asked to end; at the deadline it is killed
    KILLING = "killing"  # its whole tree is being killed, until the engine says Gone
    BACKOFF = "backoff"  # ended; started again at the deadline
    FAILED = "failed"  # given up until somebody starts it


class Now(Struct, frozen=True):
    """One moment on both clocks, which are never mixed.

    `mono` is for durations: seconds since boot.  `wall` is for the calendar: seconds since 1970.
    """

    mono: float
    wall: float


class ReplicaId(NamedTuple):
    """One slot of a task; written `web:0`, which the API calls the alias.

    A named tuple, as Replica is: thousands are hashed and replaced in one turn, and these are
    five to ten times as quick at it as a dataclass.
    """

    task: str
    index: int  # type: ignore[assignment]  # tuple.index is not missed

    def __str__(self) -> str:
        return f"{self.task}:{self.index}"


class Exit(Struct, frozen=True, omit_defaults=True):
    """How a run ended.  At most one of `code` and `signal` is set; neither: it is not known.

    `error` says why no process came to be, or why nothing is known of its end.
    `cpu` is user + system seconds and `max_rss` bytes, of the process and what it waited for.
    `at` is when it was seen to end (wall seconds), if that was before it was heard of.
    """

    code: int | None = None
    signal: int | None = None
    error: str | None = None
    cpu: float = 0.0
    max_rss: int = 0
    at: float | None = None

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def unseen(self) -> bool:
        """Whether no process is known to have been: the spawn failed, or the run was lost."""
        return self.code is None and self.signal is None

    def __str__(self) -> str:
        if self.error is not None:
            return self.error
        if self.signal is not None:
            return f"killed by signal {self.signal}"
        return "unknown" if self.code is None else f"exited {self.code}"


class Replica(Struct, frozen=True, omit_defaults=True):
    """One supervised slot: what should be (`wanted`) and what is (everything else).

    `run` is the id of the current or last run, 0 before the first; `pid` and `ticks` (its start in
    clock ticks since boot) name its process; `trigger` is what began it, `revision` that of the
    spec it began with.  `next_trigger` is what the next run will have been begun by.
    `booted`: its startup check has succeeded, or it has none.  `ready`: its readiness check says
    so too, or it has none.
    `asked` says that the current run was asked to end, so its end is no failure and the next start
    need not wait; `verdict` is why it has to end if that is a failure ("timeout after 2 s").
    `step` counts what was done to stop it.  `deadline` is monotonic seconds; what it means depends
    on the state.  In wall seconds: `since` is when the state began, `ready_since` when it became
    ready, while it is, and `started` when the run began; `began` is the latter on the monotonic
    clock, and `starts` are the moments on that clock at which runs began that still count for the
    restart limit.  `restarts` counts the restarts in a row.
    """

    id: ReplicaId
    state: State = State.DOWN
    wanted: bool = False
    asked: bool = False
    run: int = 0
    pid: int | None = None
    ticks: int | None = None
    exit: Exit | None = None
    deadline: float | None = None
    since: float = 0.0
    started: float | None = None
    restarts: int = 0
    reason: str = ""
    trigger: str = ""
    ready: bool = False
    verdict: str = ""
    step: int = 0
    began: float = 0.0
    starts: tuple[float, ...] = ()
    next_trigger: str = ""
    booted: bool = False
    revision: int = 0
    ready_since: float | None = None

    @property
    def alive(self) -> bool:
        """Whether a process of it exists, or may exist."""
        return self.state in _ALIVE

    @property
    def stopped(self) -> bool:
        """Whether it is down because somebody said so."""
        return self.state is State.DOWN and self.reason == STOPPED

    @property
    def pending(self) -> bool:
        """Whether a run of it goes on or is to come without anybody asking."""
        return self.state not in _REST


class Origin(Struct, frozen=True):
    """The file that a task was applied from: its path, when that was (wall), what it said then."""

    file: str
    at: float
    spec: Spec


class Task(Struct, frozen=True, omit_defaults=True):
    """A task that exists.  All times are wall seconds.

    `start_time` is when it was last asked to start, `last_time` when a replica of it last began.
    `next_fire` is when its schedule fires next, if it is armed, `nominal` that moment without the
    jitter, and `last_fire` the last one that came, without it.  `queued` fires wait for the runs
    before; `skipped` counts those that were dropped.
    `revision` counts the specs that take a restart, and `old_specs` has those by which runs still
    go on.  `rolling` are the indices that a rolling restart has still to deal with, `rolled` those
    it is dealing with; `roll_error` is why the last one was given up.  Runs with ids below
    `first_run` were another task's, which had the same name.  `origin` is the file it was last
    applied from, whatever was changed since; None: it never was.
    `leaving`: it is to be stopped, but what was stopped with it and depends on it ends first.
    """

    spec: Spec
    start_time: float
    last_time: float | None = None
    next_fire: float | None = None
    nominal: float | None = None
    last_fire: float | None = None
    removing: bool = False
    skipped: int = 0
    queued: int = 0
    revision: int = 0
    old_specs: dict[int, Spec] = {}
    rolling: tuple[int, ...] = ()
    rolled: tuple[int, ...] = ()
    roll_error: str = ""
    first_run: int = 0
    origin: Origin | None = None
    leaving: bool = False


class Run(NamedTuple):
    """One life of a replica, as history keeps it; `ended` and `exit` are None while it goes on.

    `attempt` counts the runs in a row that were started for one reason, from 1.
    """

    run: int
    id: ReplicaId
    trigger: str
    started: float
    pid: int | None
    ended: float | None = None
    exit: Exit | None = None
    attempt: int = 1


class Note(NamedTuple):
    """Something that happened, for who watches: `kind` is "replica.up", "task.created" ...

    `reason` says why, `actor` who ("api", "cron", "policy" ...).  `at` is wall seconds.
    """

    at: float
    kind: str
    task: str
    replica: int | None = None
    run: int | None = None
    pid: int | None = None
    reason: str = ""
    actor: str = ""


STOPPED = "stopped"
"""The reason of a stop that a user asked for."""

_ALIVE = frozenset({State.STARTING, State.UP, State.STOPPING, State.KILLING})
_REST = frozenset({State.DOWN, State.FAILED})
