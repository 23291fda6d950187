"""Save changes and load them again."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from msgspec import Struct

from proctor.core.changes import Changes
from proctor.core.errors import StorageFailed
from proctor.core.model import Note, Replica, Run, Task

from . import rows
from .db import open_db, open_log


class Saved(Struct, frozen=True):
    """What was in the store.

    `boot` is the boot id under which it was saved: of another boot, pids and deadlines are void.
    """

    tasks: list[tuple[Task, list[Replica]]]
    next_run: int
    boot: str | None


class Store:
    """One connection, one transaction a save.

    What is saved outlives the death of the process, which is all that news about processes needs;
    after a `sync` it outlives a power cut, too.  `saves` counts the saves.
    """

    def __init__(self, path: Path) -> None:
        self._db = open_db(path)
        self.mark_base = self._own_mark_base()
        self.last_event = self._last_event()
        self.saves = 0
        self._log = open_log(path)

    def close(self) -> None:
        self._db.close()
        self._log.close()

    def load(self) -> Saved:
        replicas: dict[str, list[Replica]] = {}
        for row in self._db.execute('SELECT task, "index", data FROM replica'):
            replicas.setdefault(row[0], []).append(rows.replica_of(*row))
        tasks = [rows.task_of(data) for (data,) in self._db.execute("SELECT data FROM task")]
        return Saved(
            tasks=[(task, replicas.get(task.spec.name, [])) for task in tasks],
            next_run=self._last_run() + 1,
            boot=self.meta("boot"),
        )

    def save(self, changes: Changes) -> None:
        """Save all of it or nothing.  Raises StorageFailed (the disk is full, or broken)."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._write(changes)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StorageFailed(f"not saved, so not done: {error}") from error
        self.saves += 1
        self.last_event += len(changes.notes)

    def sync(self) -> None:
        """Have the disk hold all that was saved.  It takes its time, and any thread may call it.

        A commit is in the write-ahead log, or was moved from there by SQLite, which syncs then.
        Raises StorageFailed.
        """
        try:
            os.fdatasync(self._log.fileno())
        except OSError as error:
            raise StorageFailed(f"done, but not safe on the disk: {error.strerror}") from error

    def meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # History.

    def runs(
        self, task: str, *, index: int | None = None, before: int | None = None, limit: int = 100
    ) -> list[Run]:
        """Return the runs of a task (of one replica) with ids below `before`, newest first."""
        found = self._db.execute(_RUNS, (task, index, index, before, before, limit))
        return [rows.run_of(row) for row in found]

    def run(self, run: int) -> Run | None:
        row = self._db.execute(f"SELECT {rows.RUN_COLUMNS} FROM run WHERE run = ?", (run,))
        found = row.fetchone()
        return None if found is None else rows.run_of(found)

    def prune_runs(self, task: str, keep: int) -> int:
        """Drop the ended runs of a task but the newest `keep`; return how many were dropped."""
        return self._prune(_SURPLUS_RUNS, (task, task, keep))

    def prune_all_runs(self, keep: int, in_all: int, *, ended_before: float) -> int:
        """Drop ended runs: but the newest `keep` of each task, but about the newest `in_all`, and
        those that ended before then.  Return how many were dropped.
        """
        dropped = self._prune(_OLD_RUNS, (self._last_run() - in_all, ended_before))
        for (task,) in self._db.execute(_TASKS_OVER, (keep,)).fetchall():
            dropped += self.prune_runs(task, keep)
        return dropped

    def events(self, after: int, limit: int = 1000) -> list[tuple[int, Note]]:
        """Return what happened later than event `after`, oldest first, with the events' ids."""
        found = self._db.execute(_EVENTS, (after, limit))
        return [(row[0], rows.note_of(row[1:])) for row in found]

    def events_before(
        self,
        before: int | None = None,
        *,
        task: str = "*",
        kind: str = "*",
        actor: str = "*",
        limit: int = 100,
    ) -> list[tuple[int, Note]]:
        """Return what happened earlier than event `before`, or now, the newest first.

        `task` is a glob, `kind` and `actor` are some, separated by commas; `!` before those of
        `actor`: all others.  Internal tasks (`@...`) are left out.
        """
        newest = self.last_event + 1 if before is None else before
        kinds, actors = kind.split(","), actor.removeprefix("!").split(",")
        query = _EVENTS_BEFORE.format(
            kinds=" OR ".join(["kind GLOB ?"] * len(kinds)),
            actors=" OR ".join(["actor GLOB ?"] * len(actors)),
        )
        values = (newest, task, *actors, not actor.startswith("!"), *kinds, limit)
        found = self._db.execute(query, values)
        return [(row[0], rows.note_of(row[1:])) for row in found]

    def first_event(self) -> int:
        """Return the id of the oldest event that is kept; one more than the last if none is."""
        (first,) = self._db.execute("SELECT min(id) FROM event").fetchone()
        return self.last_event + 1 if first is None else int(first)

    def prune_events(self, keep: int) -> None:
        """Drop all events but about the newest `keep`."""
        self._prune("DELETE FROM event WHERE id <= ?", (self.last_event - keep,))

    # Inside.

    def _prune(self, statement: str, values: tuple[object, ...]) -> int:
        """Return how many rows were dropped; if the disk is full, none until another time."""
        try:
            return self._db.execute(statement, values).rowcount
        except sqlite3.OperationalError:
            return 0

    def _write(self, changes: Changes) -> None:
        noted = enumerate(changes.notes, self.last_event + 1)
        for statement, found, values in (
            (_DROP_TASK, changes.removed, ((name,) for name in changes.removed)),
            (_DROP_REPLICAS, changes.removed, ((name,) for name in changes.removed)),
            (_DROP_REPLICA, changes.dropped, iter(changes.dropped)),
            (_PUT_TASK, changes.tasks, map(rows.task_row, changes.tasks.values())),
            (_PUT_REPLICA, changes.replicas, map(rows.replica_row, changes.replicas.values())),
            (_PUT_RUN, changes.runs, map(rows.run_row, changes.runs.values())),
            (_PUT_EVENT, changes.notes, ((id, *rows.note_row(note)) for id, note in noted)),
        ):
            if found:  # Most changes are of one kind or two.
                self._db.executemany(statement, values)

    def _own_mark_base(self) -> int:
        """Return this state dir's part of every birth mark: a random number in bits 32 to 61.

        It tells our processes from those of another Proctor on the machine.
        """
        known = self.meta("mark_base")
        if known is None:
            known = str((int.from_bytes(os.urandom(4)) >> 3 | 1 << 29) << 32)
            self.set_meta("mark_base", known)
        return int(known)

    def _last_event(self) -> int:
        (last,) = self._db.execute("SELECT max(id) FROM event").fetchone()
        return int(last or 0)

    def _last_run(self) -> int:
        """Return the highest id of a run: pruning always leaves it."""
        (last,) = self._db.execute("SELECT max(run) FROM run").fetchone()
        return int(last or 0)


_DROP_TASK = "DELETE FROM task WHERE name = ?"
_DROP_REPLICAS = "DELETE FROM replica WHERE task = ?"
_DROP_REPLICA = 'DELETE FROM replica WHERE task = ? AND "index" = ?'
_PUT_TASK = "INSERT OR REPLACE INTO task VALUES (?, ?)"
_PUT_REPLICA = "INSERT OR REPLACE INTO replica VALUES (?, ?, ?)"
_PUT_RUN = (
    f"INSERT INTO run ({rows.RUN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (run) DO UPDATE SET pid = coalesce(excluded.pid, pid), ended = excluded.ended,"
    " code = excluded.code, signal = excluded.signal, error = excluded.error,"
    " cpu = excluded.cpu, max_rss = excluded.max_rss"
)
_PUT_EVENT = f"INSERT INTO event (id, {rows.NOTE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_RUNS = (
    f"SELECT {rows.RUN_COLUMNS} FROM run"
    ' WHERE task = ? AND (? IS NULL OR "index" = ?) AND (? IS NULL OR run < ?)'
    " ORDER BY run DESC LIMIT ?"
)
_SURPLUS_RUNS = (
    "DELETE FROM run WHERE task = ? AND ended IS NOT NULL AND run <="
    " (SELECT run FROM run WHERE task = ? ORDER BY run DESC LIMIT 1 OFFSET ?)"
)
_TASKS_OVER = "SELECT task FROM run GROUP BY task HAVING count(*) > ?"
_OLD_RUNS = (
    "DELETE FROM run WHERE (run <= ? AND ended IS NOT NULL OR ended < ?)"
    " AND run < (SELECT max(run) FROM run)"
)
_EVENTS = f"SELECT id, {rows.NOTE_COLUMNS} FROM event WHERE id > ? ORDER BY id LIMIT ?"
_EVENTS_BEFORE = (
    f"SELECT id, {rows.NOTE_COLUMNS} FROM event"
    " WHERE id < ? AND task GLOB ? AND ({actors}) = ? AND ({kinds}) AND task NOT GLOB '@*'"
    " ORDER BY id DESC LIMIT ?"
)
