"""The definition of a task, checked and complete.  Values only.

Seconds are floats, sizes bytes.  What the wire calls `replica` is `replicas` here.
"""

from enum import StrEnum

from msgspec import Struct


class TaskType(StrEnum):
    """Why a replica is started and whether it is started again."""

    ONCE = "once"
    DAEMON = "daemon"
    CRON = "cron"
    MELANG = "melang"
    PYTHON = "python"

    @property
    def is_script(self) -> bool:
        """Whether its replicas are coroutines in a script host."""
        return self in (TaskType.MELANG, TaskType.PYTHON)


class Until(StrEnum):
    """What a dependency has to have reached."""

    SETTLED = "settled"  # a daemon: ready; anything else: not running and not about to
    STARTED = "started"  # every replica has begun a run
    READY = "ready"  # every replica is up, and ready if it has a readiness check
    COMPLETED = "completed"  # every replica's last run is over
    COMPLETED_OK = "completed_ok"  # ... with success
    LOG_LINE = "log_line"  # a line of its output has matched `pattern` in its current run


class Dep(Struct, frozen=True, omit_defaults=True):
    """Another task to wait for.  An optional one is not waited for once it can no longer come."""

    task: str
    until: Until = Until.SETTLED
    pattern: str | None = None
    required: bool = True


class RestartWhen(StrEnum):
    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


class RestartPolicy(Struct, frozen=True, omit_defaults=True):
    """When a run that ended unasked is repeated, and after what pause.

    The pause before the n-th restart in a row is `interval * factor ** (n - 1)`, at most `cap` if
    it grows, more or less by up to the share `jitter` of it.  A daemon's run that lasted
    `stable_after` begins a new row.  `limit` starts within `window` seconds are the most; where one
    more would be due it is given up.  `retries` is the most restarts in a row, None: no such bound.
    """

    when: RestartWhen
    factor: float = 1.0
    cap: float = 300.0
    jitter: float = 0.0
    stable_after: float = 10.0
    limit: int | None = None
    window: float = 60.0
    retries: int | None = None


class CheckKind(StrEnum):
    EXEC = "exec"  # target: a shell command, run as the task is; exit 0 is success
    HTTP = "http"  # target: a URL; a status from 200 to 399 is success
    TCP = "tcp"  # target: host:port; a connection is success
    LOG_LINE = "log_line"  # target: a pattern; a line of the run's output that matches
    NOTIFY = "notify"  # sd_notify(3): READY=1, WATCHDOG=1
    FILE = "file"  # target: a path; that it exists is success


class Check(Struct, frozen=True, omit_defaults=True):
    """How to find out whether a replica is well.

    Asked every `period` seconds, for the first time `delay` after the start; `successes` or
    `failures` in a row change the verdict.  An answer that takes over `timeout` is a failure.
    """

    kind: CheckKind
    target: str = ""
    period: float = 10.0
    timeout: float = 1.0
    successes: int = 1
    failures: int = 3
    delay: float = 0.0


class Overlap(StrEnum):
    """What a fire does while a run of an earlier one goes on."""

    SKIP = "skip"
    QUEUE = "queue"
    REPLACE = "replace"
    ALLOW = "allow"


class CatchUp(StrEnum):
    """What becomes of fires missed while the service was not running."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class Schedule(Struct, frozen=True, omit_defaults=True):
    """When runs begin.

    `cron` (in `timezone`) fires again and again, `at` once, at a wall time.  A fire is put off by
    up to `jitter` seconds, though not into a blackout.  `blackouts` are pairs of a cron expression
    that begins one and the seconds it lasts; moments of `cron` within one are passed over.
    `queue` is the most fires that wait (overlap QUEUE).
    """

    cron: str | None = None
    timezone: str | None = None
    at: float | None = None
    overlap: Overlap = Overlap.SKIP
    queue: int = 1
    catch_up: CatchUp = CatchUp.NONE
    jitter: float = 0.0
    blackouts: tuple[tuple[str, float], ...] = ()


class Limits(Struct, frozen=True, omit_defaults=True):
    """Bounds on what a replica uses: bytes, CPUs (0.5 is half of one), processes.

    The kernel enforces them where a cgroup can be made; `memory_restart` is watched from outside:
    a replica whose tree grows over it is restarted.
    """

    memory_max: int | None = None
    memory_high: int | None = None
    cpu: float | None = None
    pids: int | None = None
    memory_restart: int | None = None


class Output(Struct, frozen=True, omit_defaults=True):
    """What is kept of a replica's output; None: as the service's settings say.

    `separate`: errors are told from output.  `keep` False: nothing is kept.  `segment_age` is for
    how long a file is written to, and `compress` whether it is compressed after that.
    """

    segment_size: int | None = None
    quota: int | None = None
    max_age: float | None = None
    separate: bool = False
    keep: bool = True
    segment_age: float | None = None
    compress: bool | None = None


class Watch(Struct, frozen=True, omit_defaults=True):
    """Files whose change restarts the task, `debounce` seconds after the last of a burst."""

    paths: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    debounce: float = 0.5
    cascade: bool = False


class Socket(Struct, frozen=True, omit_defaults=True):
    """A socket that the service listens on for the task, passed as LISTEN_FDS.

    `address` is host:port or a path.  `activate`: the task starts at the first connection.
    """

    name: str
    address: str
    activate: bool = False


class Spec(Struct, frozen=True, omit_defaults=True):
    """A task.  `cmd` is a shell command, an argv, or a script's path (melang, python).

    `user` and `group` are names or numbers as text; None means the service's own.  `env` comes on
    top of `env_files` and of what `inherit_env` lets through: everything (True), nothing but what
    a user change sets (False), or the names listed.  `secret_env` names variables whose values are
    never shown.  `interval` is the pause before a restart.  `rlimits` maps lower-case names
    ("nofile") to (soft, hard), None meaning unlimited.  `stop_signals` are sent in order, each
    given `stop_timeout`; then SIGKILL.  `stop_command` runs first, as the task does.
    `enabled`: it starts by itself, when it is made or as its schedule says.
    `timeout` bounds a run.  `pool` and `priority` (higher first) order runs for a pool's slots.
    """

    name: str
    type: TaskType
    cmd: str | tuple[str, ...]
    replicas: int = 1
    description: str = ""
    namespace: str = "default"
    labels: dict[str, str] = {}
    enabled: bool = True
    # Whom it runs as, and in what surroundings.
    user: str | None = None
    group: str | None = None
    groups: tuple[str, ...] | None = None
    env: dict[str, str] = {}
    env_files: tuple[str, ...] = ()
    inherit_env: bool | tuple[str, ...] = True
    secret_env: tuple[str, ...] = ()
    cwd: str | None = None
    umask: int | None = None
    nice: int | None = None
    oom_score_adj: int | None = None
    rlimits: dict[str, tuple[int | None, int | None]] = {}
    limits: Limits = Limits()
    stdin: str = "null"
    tty: bool = False
    isolate: bool = False
    interpreter: str | None = None
    sockets: tuple[Socket, ...] = ()
    output: Output = Output()
    # When it runs.
    deps: tuple[Dep, ...] = ()
    schedule: Schedule = Schedule()
    interval: float = 3.0
    restart_policy: RestartPolicy | None = None
    timeout: float | None = None
    pool: str | None = None
    priority: int = 0
    success_codes: tuple[int, ...] = (0,)
    essential: bool = False
    watch: Watch | None = None
    # Whether it is well, and how it ends.
    readiness: Check | None = None
    liveness: Check | None = None
    startup: Check | None = None
    stop_signals: tuple[str, ...] = ("TERM",)
    stop_timeout: float = 10.0
    stop_command: str | None = None
    rolling: int = 1

    @property
    def restart(self) -> RestartPolicy:
        """The policy given, or what the type stands for."""
        if self.restart_policy is not None:
            return self.restart_policy
        return RUN_FOR_EVER if self.type is TaskType.DAEMON else RUN_ONCE

    @property
    def is_scheduled(self) -> bool:
        """Whether runs begin by the schedule only."""
        return self.schedule.cron is not None or self.schedule.at is not None

    @property
    def on_demand(self) -> bool:
        """Whether the first connection to a socket of its starts it."""
        return any(one.activate for one in self.sockets)

    @property
    def starts_by_itself(self) -> bool:
        """Whether it starts when it is made, and not by its schedule or at a connection."""
        return self.enabled and not self.is_scheduled and not self.on_demand

    @property
    def dep_names(self) -> tuple[str, ...]:
        return tuple(dep.task for dep in self.deps)


RUN_FOR_EVER = RestartPolicy(RestartWhen.ALWAYS)
RUN_ONCE = RestartPolicy(RestartWhen.NEVER)
