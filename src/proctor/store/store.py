"""Save changes and load them again."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from proctor.core.changes import Changes
from proctor.core.errors import StorageFailed
from proctor.core.model import Exit, Replica, ReplicaId, Run, Spec, State, Task

from .db import open_db


@dataclass(frozen=True, slots=True)
class Saved:
    """What was in the store.

    `boot` is the boot id under which it was saved: of another boot, pids and deadlines are void.
    """

    tasks: list[tuple[Task, list[Replica]]]
    next_run: int
    boot: str | None


class Store:
    """One connection, one transaction a save.

    A *durable* save is on the disk when it returns (it outlives a power cut); any other outlives
    the death of the process, which is all that news about processes needs.
    """

    def __init__(self, path: Path) -> None:
        self._db = open_db(path)
        self.mark_base = self._own_mark_base()

    def close(self) -> None:
        self._db.close()

    def load(self) -> Saved:
        replicas: dict[str, list[Replica]] = {}
        for row in self._db.execute(_ALL_REPLICAS):
            replica = _replica(row)
            replicas.setdefault(replica.id.task, []).append(replica)
        tasks = [_task(row) for row in self._db.execute(_ALL_TASKS)]
        return Saved(
            tasks=[(task, replicas.get(task.spec.name, [])) for task in tasks],
            next_run=int(self._meta("next_run") or 1),
            boot=self._meta("boot"),
        )

    def save(self, changes: Changes, *, next_run: int | None = None, durable: bool = False) -> None:
        """Save all of it or nothing.  Raises StorageFailed (the disk is full, or broken)."""
        try:
            # Outside a transaction: inside one, SQLite ignores it.
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            self._write(changes, next_run)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StorageFailed(f"not saved, so not done: {error}") from error

    def set_boot(self, boot: str) -> None:
        self._set_meta("boot", boot)

    def runs_of(self, task: str, limit: int = 100) -> list[Run]:
        """Return the newest runs of a task, newest first."""
        return [_run(row) for row in self._db.execute(_RUNS_OF, (task, limit))]

    def prune_runs(self, task: str, keep: int) -> int:
        """Drop all but the newest `keep` ended runs of a task; return how many were dropped."""
        return self._db.execute(_PRUNE, (task, task, keep)).rowcount

    def _write(self, changes: Changes, next_run: int | None) -> None:
        db = self._db
        for name in changes.removed:
            db.execute("DELETE FROM task WHERE name = ?", (name,))
            db.execute("DELETE FROM replica WHERE task = ?", (name,))
        db.executemany(_PUT_TASK, [_task_row(task) for task in changes.tasks.values()])
        db.executemany(_PUT_REPLICA, [_replica_row(r) for r in changes.replicas.values()])
        db.executemany(_PUT_RUN, [_run_row(run) for run in changes.runs.values()])
        if next_run is not None and changes.runs:
            self._set_meta("next_run", str(next_run))

    def _meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _set_meta(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def _own_mark_base(self) -> int:
        """Return this state dir's part of every birth mark: a random number in bits 32 to 61.

        It tells our processes from those of another Proctor on the machine.
        """
        known = self._meta("mark_base")
        if known is None:
            known = str((secrets.randbits(29) | 1 << 29) << 32)
            self._set_meta("mark_base", known)
        return int(known)


_ALL_TASKS = "SELECT spec, start_time, last_time, next_fire, removing, skipped FROM task"
_ALL_REPLICAS = (
    'SELECT task, "index", state, wanted, asked, run, pid, ticks, exit, deadline, since, started,'
    ' restarts, reason, "trigger" FROM replica'
)
_PUT_TASK = "INSERT OR REPLACE INTO task VALUES (?, ?, ?, ?, ?, ?, ?)"
_PUT_REPLICA = "INSERT OR REPLACE INTO replica VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_RUN = (
    "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (run) DO UPDATE SET pid = excluded.pid, ended = excluded.ended,"
    " code = excluded.code, signal = excluded.signal, error = excluded.error,"
    " cpu = excluded.cpu, max_rss = excluded.max_rss"
)
_RUNS_OF = (
    'SELECT run, task, "index", "trigger", started, pid, ended, code, signal, error, cpu, max_rss'
    " FROM run WHERE task = ? ORDER BY run DESC LIMIT ?"
)
_PRUNE = (
    "DELETE FROM run WHERE task = ? AND ended IS NOT NULL AND run <="
    " (SELECT run FROM run WHERE task = ? ORDER BY run DESC LIMIT 1 OFFSET ?)"
)

_encode = msgspec.json.Encoder().encode
_decode_spec = msgspec.json.Decoder(Spec).decode
_decode_exit = msgspec.json.Decoder(Exit).decode


def _task_row(task: Task) -> tuple[object, ...]:
    return (
        task.spec.name,
        _encode(task.spec).decode(),
        task.start_time,
        task.last_time,
        task.next_fire,
        task.removing,
        task.skipped,
    )


def _task(row: tuple[str, float, float | None, float | None, int, int]) -> Task:
    spec, start_time, last_time, next_fire, removing, skipped = row
    return Task(_decode_spec(spec), start_time, last_time, next_fire, bool(removing), skipped)


def _replica_row(r: Replica) -> tuple[object, ...]:
    return (
        r.id.task,
        r.id.index,
        r.state.value,
        r.wanted,
        r.asked,
        r.run,
        r.pid,
        r.ticks,
        None if r.exit is None else _encode(r.exit).decode(),
        r.deadline,
        r.since,
        r.started,
        r.restarts,
        r.reason,
        r.trigger,
    )


def _replica(row: Sequence[Any]) -> Replica:
    task, index, state, wanted, asked, run, pid, ticks, exit, *rest = row
    return Replica(
        ReplicaId(task, index),
        State(state),
        bool(wanted),
        bool(asked),
        run,
        pid,
        ticks,
        None if exit is None else _decode_exit(exit),
        *rest,
    )


def _run_row(run: Run) -> tuple[object, ...]:
    exit = run.exit or Exit()
    return (
        run.run,
        run.id.task,
        run.id.index,
        run.trigger,
        run.started,
        run.pid,
        run.ended,
        exit.code,
        exit.signal,
        exit.error,
        exit.cpu,
        exit.max_rss,
    )


def _run(row: Sequence[Any]) -> Run:
    run, task, index, trigger, started, pid, ended, code, signal, error, cpu, max_rss = row
    exit = None if ended is None else Exit(code, signal, error, cpu, max_rss)
    return Run(run, ReplicaId(task, index), trigger, started, pid, ended, exit)
