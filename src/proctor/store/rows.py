"""Values to rows and back.

Tasks and replicas are JSON without what is as by default: a field that a later version adds has
its default when an earlier row is read, and one that was dropped is passed over.  A version that
changes a default has to write the earlier one into the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from proctor.core.model import Exit, Note, Replica, ReplicaId, Run, Task

Row = tuple[object, ...]

_encode = msgspec.json.Encoder().encode
_decode_task = msgspec.json.Decoder(Task).decode
_decode_any = msgspec.json.Decoder().decode


def task_row(task: Task) -> Row:
    return task.spec.name, _encode(task).decode()


def task_of(data: str) -> Task:
    return _decode_task(data)


def replica_row(r: Replica) -> Row:
    return r.id.task, r.id.index, _encode(r).decode()


def replica_of(task: str, index: int, data: str) -> Replica:
    return msgspec.convert({**_decode_any(data), "id": (task, index)}, Replica)


def run_row(run: Run) -> Row:
    exit = run.exit or Exit()
    return (
        run.run,
        run.id.task,
        run.id.index,
        run.trigger,
        run.attempt,
        run.started,
        run.pid,
        run.ended,
        exit.code,
        exit.signal,
        exit.error,
        exit.cpu,
        exit.max_rss,
    )


RUN_COLUMNS = (
    'run, task, "index", "trigger", attempt, started, pid, ended, code, signal, error, cpu, max_rss'
)


def run_of(row: Sequence[Any]) -> Run:
    run, task, index, trigger, attempt, started, pid, ended, *how = row
    exit = None if ended is None else Exit(*how)
    return Run(run, ReplicaId(task, index), trigger, started, pid, ended, exit, attempt)


NOTE_COLUMNS = "at, kind, task, replica, run, pid, reason, actor"


def note_row(note: Note) -> Row:
    return (
        note.at,
        note.kind,
        note.task,
        note.replica,
        note.run,
        note.pid,
        note.reason,
        note.actor,
    )


def note_of(row: Sequence[Any]) -> Note:
    return Note(*row)
