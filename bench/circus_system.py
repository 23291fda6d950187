"""circus, driven by its zmq client, looking after its processes every 0.1 s (default: 1 s)."""

from __future__ import annotations

import json
import subprocess
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


class Circus(System):
    """zmq is installed with circus only, so a helper there speaks for us."""

    name = "circus"

    def command(self) -> list[str]:
        self._helper: subprocess.Popen[str] | None = None
        config = self.folder / "conf"
        config.write_text(CONFIG.format(folder=self.folder))
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
        load = self.loads[name]
        if not load.keep_output:
            self._add(name, load, {"numprocs": load.replicas})
            return
        # All processes of a watcher share their file: for a file each, a watcher each.
        for index in range(load.replicas):
            stream = {"class": "FileStream", "filename": str(self._output(name, index))}
            self._add(f"{name}-{index}", load, {"numprocs": 1, "stdout_stream": stream})

    def stop(self, name: str) -> None:
        self._call("rm", name=name, waiting=True)

    def output_files(self, name: str, index: int) -> list[Path]:
        return [self._output(name, index)]

    def _output(self, name: str, index: int) -> Path:
        return self.folder / f"{name}-{index}.log"

    def _add(self, name: str, load: Load, options: dict[str, object]) -> None:
        options |= {"warmup_delay": 0, "respawn": load.restart, "max_retry": -1, "copy_env": True}
        argv = list(load.argv)
        self._call("add", name=name, cmd=argv[0], args=argv[1:], options=options, start=True)

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
