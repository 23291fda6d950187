"""circus, driven by its zmq client, looking after its processes every 0.1 s (default: 1 s)."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from systems import Load, System
from tools import HERE, PEERS

CONFIG = """
[circus]
endpoint = ipc://{folder}/e
pubsub_endpoint = ipc://{folder}/p
check_delay = 0.1
loglevel = WARNING
"""

WATCHER = """
[watcher:{name}]
cmd = {command}
numprocesses = {processes}
autostart = False
respawn = {respawn}
warmup_delay = 0
max_retry = -1
copy_env = True
"""

OUTPUT = """
stdout_stream.class = FileStream
stdout_stream.filename = {file}
"""


class Circus(System):
    """zmq is installed with circus only, so a helper there speaks for us."""

    name = "circus"

    def command(self) -> list[str]:
        self._helper: subprocess.Popen[str] | None = None
        config = self.folder / "conf"
        sections = [
            self._section(load, watcher, index)
            for load in self.loads.values()
            for index, watcher in enumerate(self._watchers(load.name))
        ]
        config.write_text(CONFIG.format(folder=self.folder) + "".join(sections))
        return [str(PEERS / "bin/circusd"), str(config)]

    def connect(self) -> None:
        if not (self.folder / "e").exists():
            raise FileNotFoundError
        if self._helper is None:
            command = [PEERS / "bin/python", HERE / "circus_client.py", f"ipc://{self.folder}/e"]
            pipe = subprocess.PIPE
            self._helper = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self._call("numwatchers")

    def disconnect(self) -> None:
        if self._helper is not None:
            self._helper.communicate()

    def start(self, name: str) -> None:
        self._start(self._watchers(name))

    def start_all(self, names: Sequence[str]) -> None:
        self._start([watcher for name in names for watcher in self._watchers(name)])

    def stop(self, name: str) -> None:
        for watcher in self._watchers(name):
            self._call("stop", name=watcher, waiting=True)

    def _start(self, watchers: list[str]) -> None:
        """Start them one after the other: it refuses a second start meanwhile."""
        for watcher in watchers:
            self._call("start", name=watcher, waiting=len(watchers) > 1)

    def output_files(self, name: str, index: int) -> list[Path]:
        return [self._output(name, index)]

    def _output(self, name: str, index: int) -> Path:
        return self.folder / f"{name}-{index}.log"

    def _watchers(self, name: str) -> list[str]:
        """All processes of a watcher share their file: for a file each, a watcher each."""
        load = self.loads[name]
        return [f"{name}-{i}" for i in range(load.replicas)] if load.keep_output else [name]

    def _section(self, load: Load, watcher: str, index: int) -> str:
        section = WATCHER.format(
            name=watcher,
            command=shlex.join(load.argv),
            processes=1 if load.keep_output else load.replicas,
            respawn=load.restart,
        )
        return section + (OUTPUT.format(file=self._output(load.name, index)) * load.keep_output)

    def listings_a_second(self, clients: int) -> float:
        answer = self._ask({"bench": "status", "clients": clients, "seconds": 1.5})
        return float(answer["answers_a_second"])

    def _call(self, command: str, **properties: object) -> Any:
        answer = self._ask({"command": command, "properties": properties})
        if answer.get("status") != "ok":
            raise RuntimeError(f"circus answered {answer}")
        return answer

    def _ask(self, message: dict[str, object]) -> Any:
        assert self._helper is not None
        assert self._helper.stdin is not None
        assert self._helper.stdout is not None
        self._helper.stdin.write(json.dumps(message) + "\n")
        self._helper.stdin.flush()
        return json.loads(self._helper.stdout.readline())
