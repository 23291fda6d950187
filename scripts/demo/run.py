"""A demo: the service with a dozen varied tasks, until Ctrl-C.

python scripts/demo/run.py [--port 8680]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks import FIRST_RUNS, STOPPED, tasks


class Demo:
    """A service that runs the demo's tasks."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def fill(self, port: int, folder: Path) -> None:
        for task in tasks(port, folder):
            self.call("PUT", f"/v1/tasks/{task['name']}", task)
        for name in FIRST_RUNS:
            self.call("POST", f"/v1/tasks/{name}/run")
        for name in STOPPED:
            self.call("POST", f"/v1/tasks/{name}/stop")


@contextmanager
def running(port: int) -> Iterator[Demo]:
    """Run the service with its tasks on a state directory that goes with it."""
    with tempfile.TemporaryDirectory(prefix="proctor-demo-") as name:
        folder = Path(name)
        for file in ("program.py", "heartbeat.m"):
            shutil.copy(Path(__file__).parent / file, folder)
        argv = [sys.executable, "-m", "proctor", "serve", "--state-dir", name + "/state"]
        # The programs are run by the same Python, under the name that people give it.
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        service = subprocess.Popen(
            [*argv, "--port", str(port)],
            stderr=subprocess.PIPE,
            process_group=0,
            text=True,
            env=os.environ | {"PATH": path},
        )
        try:
            demo = Demo(_url(service))
            demo.fill(port + 1, folder)
            yield demo
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait()


def _url(service: subprocess.Popen[str]) -> str:
    """Return where the service listens, once it does; its log is read to the end."""
    assert service.stderr is not None
    said = []
    for text in service.stderr:
        said.append(text)
        if not text.startswith("{"):
            continue
        line = json.loads(text)
        if line["event"] == "listening" and line["url"].startswith("http"):
            threading.Thread(target=service.stderr.read, daemon=True).start()
            return str(line["url"])
    raise SystemExit("".join(said))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--port", type=int, default=8680)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running(arguments.parse_args().port) as demo:
            print(f"{demo.url}/ has a dozen tasks to look at; Ctrl-C ends it")
            signal.pause()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
