"""Tasks of a real service, seen through /v1."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.system.service import Answer, Service, until

View = dict[str, Any]


class Tasks:
    """Makes tasks, acts on them and looks at them.

    The name that a test gives is only a part of the real one: history outlives tasks.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._made: list[str] = []
        self._tag = uuid.uuid4().hex[:8]

    def named(self, name: str) -> str:
        """Return the real name."""
        return f"{name}-{self._tag}"

    def add(self, name: str, cmd: str | list[str], type: str = "daemon", **fields: Any) -> View:
        answer = self.try_add(name, cmd, type, **fields)
        assert answer.status == 201, answer
        self._made.append(self.named(name))
        task: View = answer.body["task"]
        return task

    def try_add(self, name: str, cmd: str | list[str], type: str, **fields: Any) -> Answer:
        if type == "daemon":
            fields = {"interval": 0} | fields
        fields["deps"] = [self._dep(dep) for dep in fields.get("deps", [])]
        body = {"name": self.named(name), "type": type, "cmd": cmd, **fields}
        return self.service.request("POST", "/v1/tasks", body)

    def _dep(self, dep: str | View) -> str | View:
        if isinstance(dep, str):
            return self.named(dep)
        return dep | {"task": self.named(dep["task"])}

    def do(self, verb: str, name: str, query: str = "wait=30") -> View:
        """Act on a task; return the operation."""
        answer = self.service.request("POST", f"/v1/tasks/{self.named(name)}/{verb}?{query}")
        assert answer.status in (200, 202), answer
        operation: View = answer.body
        return operation

    def change(self, name: str, query: str = "", **fields: Any) -> View:
        path = f"/v1/tasks/{self.named(name)}?{query}"
        answer = self.service.request("PATCH", path, fields)
        assert answer.status == 200, answer
        done: View = answer.body
        return done

    def see(self, name: str) -> View:
        answer = self.service.request("GET", f"/v1/tasks/{self.named(name)}")
        assert answer.status == 200, answer
        task: View = answer.body
        return task

    def replica(self, name: str, index: int = 0) -> View:
        found: View = self.see(name)["replicas"][index]
        return found

    def wait(self, name: str, holds: Callable[[View], object]) -> View:
        """Return the task once that holds of it."""

        def look() -> View | None:
            task = self.see(name)
            return task if holds(task) else None

        found = until(look)
        assert found is not None
        return found

    def wait_replica(self, name: str, holds: Callable[[View], object], index: int = 0) -> View:
        task = self.wait(name, lambda task: holds(task["replicas"][index]))
        found: View = task["replicas"][index]
        return found

    def wait_ready(self, name: str) -> int:
        """Return the pid of a replica that is ready."""
        pid: int = self.wait_replica(name, lambda r: r["ready"] and r["pid"])["pid"]
        return pid

    def runs(self, name: str) -> list[View]:
        """Return the task's runs, the first one first."""
        answer = self.service.request("GET", f"/v1/tasks/{self.named(name)}/runs?limit=500")
        assert answer.status == 200, answer
        return list(reversed(answer.body["runs"]))

    def ended(self, name: str, count: int) -> list[View]:
        """Return the task's runs once so many have ended."""

        def look() -> list[View] | None:
            over = [run for run in self.runs(name) if run["ended"] is not None]
            return over if len(over) >= count else None

        found = until(look)
        assert found is not None
        return found

    def reasons(self, name: str, kind: str) -> list[str]:
        """Return the reasons of what happened of that kind, the first one first."""
        answer = self.service.request("GET", f"/v1/history?task={self.named(name)}&limit=500")
        assert answer.status == 200, answer
        return [e["reason"] for e in reversed(answer.body["events"]) if e["kind"] == kind]

    def remove_all(self) -> None:
        body = {"tasks": self._made}
        if self._made:
            answer = self.service.request("POST", "/v1/delete?wait=30", body)
            assert answer.status in (200, 202, 404), answer


def stopped_by_gate(folder: Path, name: str = "gate") -> Path:
    """Make a fifo: what reads from it waits until something is written."""
    gate = folder / name
    os.mkfifo(gate)
    return gate
