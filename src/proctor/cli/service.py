"""A service started by a command, as a child of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from .failure import Failed

Note = Callable[[str, str, str], None]
"""Gets the level, the event and the fields of a line of the service's log."""

START_TIMEOUT = 60.0
STOP_TIMEOUT = 60.0


class Service:
    """`proctor serve`, in a session of its own so that Ctrl-C reaches only us.

    `status` is its exit status, None while it runs.
    """

    def __init__(self, arguments: Sequence[str], note: Note) -> None:
        argv = [sys.executable, "-m", "proctor", "serve", *arguments]
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._note = note
        self._news = threading.Event()
        self._listening = False
        self._rubbish: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def status(self) -> int | None:
        return self._process.poll()

    def wait_listening(self) -> None:
        """Return when it can be talked to.  Raises Failed with what it says if it cannot start."""
        self._news.wait(START_TIMEOUT)
        if not self._listening:
            self.stop()
            why = "\n".join(self._rubbish[-5:]) or "it does not say why"
            raise Failed(f"the service does not start: {why.removeprefix('proctor: ')}")

    def when_ended(self, callback: Callable[[], None]) -> None:
        """Call it, from another thread, when the service has ended."""

        def wait() -> None:
            self._process.wait()
            callback()

        threading.Thread(target=wait, daemon=True).start()

    def stop(self) -> None:
        """Have it stop all tasks and end, and wait for that."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Have it end without waiting for tasks that take their time."""
        self._end(signal.SIGTERM, signal.SIGTERM)

    def _end(self, *numbers: int) -> None:
        try:
            for number in numbers:
                if self._process.poll() is None:
                    self._process.send_signal(number)
            self._process.wait(STOP_TIMEOUT)
        except KeyboardInterrupt:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_TIMEOUT)
        self._reader.join(STOP_TIMEOUT)

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr:
            for raw in self._process.stderr:
                self._take(raw.decode("utf-8", "replace").rstrip("\n"))
        self._news.set()

    def _take(self, text: str) -> None:
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict):
            self._rubbish.append(text)
            return
        level, event = line.pop("level", ""), line.pop("event", "")
        for name in ("time", "logger"):
            line.pop(name, None)
        self._note(level, event, " ".join(f"{key}={value}" for key, value in line.items()))
        if event == "listening":
            self._listening = True
            self._news.set()
