"""Proctor: a real `proctor serve`, driven over HTTP."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from systems import Load, System
from tools import OURS, Http, answers_a_second, request

CONNECTIONS = 8


class Proctor(System):
    name = "Proctor"

    def command(self) -> list[str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address: tuple[str, int] = probe.getsockname()
        self._db: sqlite3.Connection | None = None
        self._http: Http | None = None
        self._more: list[Http] = []
        config = self.folder / "proctor.toml"
        # So that byte-exactness can be checked: the default quota is 100 MiB a replica.
        config.write_text('[output]\nreplica_quota = "4 GiB"\ntotal_quota = "8 GiB"\n')
        options = ["--port", str(self.address[1]), "--state-dir", str(self.folder / "state")]
        return [str(OURS / "bin/proctor"), "serve", *options, "--config", str(config)]

    def connect(self) -> None:
        self._http = Http(self.address)
        self._http.ask("GET", "/proc")

    def disconnect(self) -> None:
        for connection in [self._http, *self._more, self._db]:
            if connection is not None:
                connection.close()

    def start(self, name: str) -> None:
        self.ask("POST", "/proc", _body(self.loads[name]))

    def stop(self, name: str) -> None:
        self.ask("DELETE", f"/proc?name={name}")

    def start_all(self, names: Sequence[str]) -> None:
        """POST on several connections at once: a single one would be the limit."""
        self._more = [Http(self.address) for _ in range(CONNECTIONS)]
        for at in range(0, len(names), CONNECTIONS):
            busy = list(zip(self._more, names[at : at + CONNECTIONS], strict=False))
            for http, name in busy:
                http.send(request("POST", "/proc", _body(self.loads[name])))
            for http, _ in busy:
                http.receive()

    def count_ended(self, names: Sequence[str]) -> int:
        """Count what is on record: in the store, which is what a crash leaves."""
        if self._db is None:
            self._db = sqlite3.connect(f"file:{self.folder}/state/proctor.db?mode=ro", uri=True)
        return int(self._db.execute("SELECT count(*) FROM run WHERE code = 0").fetchone()[0])

    def exit_is_known(self, name: str) -> bool:
        task = json.loads(self.ask("GET", "/proc"))["data"]["tasks"][name]
        return task["last_time"] is not None and task["running"] == 0 and not task["run_flag"]

    def output_files(self, name: str, index: int) -> list[Path]:
        return sorted((self.folder / "state" / "logs" / name / str(index)).glob("*.log"))

    def listings_a_second(self, clients: int) -> float:
        return answers_a_second(self.address, request("GET", "/proc"), clients)

    def lines_found(self, name: str, pattern: str) -> int:
        with self._stream(f"/v1/logs?task={name}&grep={quote(pattern)}") as stream:
            answer = b""
            while not answer.endswith(b"\r\n0\r\n\r\n"):
                answer += stream.recv(1 << 18)
        return answer.count(b'"text"')

    def follower(self, name: str) -> socket.socket:
        return self._stream(f"/v1/logs?task={name}&follow=1")

    def _stream(self, path: str) -> socket.socket:
        stream = socket.create_connection(self.address, 30)
        stream.sendall(request("GET", path))
        return stream

    def listing_size(self) -> int:
        return len(self.ask("GET", "/proc"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.address[1]}"

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        assert self._http is not None
        return self._http.ask(method, path, body)


def _body(load: Load) -> bytes:
    body = {
        "name": load.name,
        "type": "daemon" if load.restart else "once",
        "cmd": shlex.join(load.argv),
        "replica": load.replicas,
    }
    if load.restart:
        body["interval"] = 0
    return os.fsencode(json.dumps(body))
