"""What is measured: the loads, and what a supervisor must be able to do with them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import Place, TooSlow, a_place, descendants, monotonic


class CannotDo(Exception):
    """This supervisor has no such thing: a dash in the table."""


@dataclass(frozen=True, slots=True)
class Load:
    """Something to run: `replicas` of `argv`, started again at once if `restart`."""

    name: str
    argv: tuple[str, ...]
    replicas: int = 1
    restart: bool = False
    keep_output: bool = False


class System(ABC):
    """A supervisor that runs below `place` and knows `loads`, none of which it has started."""

    name: str

    def __init__(self, place: Place, loads: Sequence[Load]) -> None:
        self.place = place
        self.loads = {load.name: load for load in loads}
        self.folder = place.folder / "service"
        self.folder.mkdir()
        begin = monotonic()
        self._log = (place.folder / "service.log").open("w")
        self._process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        try:
            while not self._answers():
                if monotonic() > begin + 20:
                    raise TooSlow("no answer within 20 s")
                time.sleep(0.001)
        except BaseException:
            self.close()
            raise
        self.seconds_to_answer = monotonic() - begin
        self.pids = descendants(self._process.pid)

    @abstractmethod
    def command(self) -> list[str]:
        """Write what configuration it needs and return the command that starts it."""

    @abstractmethod
    def connect(self) -> None:
        """Get an answer from it, or raise OSError."""

    @abstractmethod
    def start(self, name: str) -> None:
        """Ask for the load to be started; return when that is answered."""

    @abstractmethod
    def stop(self, name: str) -> None:
        """Have the load stopped; return when it says that all of it is."""

    def start_all(self, names: Sequence[str]) -> None:
        for name in names:
            self.start(name)

    def count_ended(self, names: Sequence[str]) -> int:
        """Return of how many runs of the loads the exit code is on record."""
        raise CannotDo

    def exit_is_known(self, name: str) -> bool:
        """Whether one can learn the exit code of the load's only run by now."""
        raise CannotDo

    def output_files(self, name: str, index: int) -> list[Path]:
        """Return the files that hold the replica's output, in order."""
        raise CannotDo

    def lines_found(self, name: str, pattern: str) -> int:
        """Search the output of the load; return how many lines match."""
        raise CannotDo

    def follower(self, name: str) -> socket.socket:
        """Return what yields the load's output as it comes, however it is framed."""
        raise CannotDo

    def listings_a_second(self, clients: int) -> float:
        raise CannotDo

    @abstractmethod
    def disconnect(self) -> None:
        """Let go of what `connect` opened."""

    def close(self) -> None:
        self.disconnect()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            for pid in descendants(self._process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            log = (self.place.folder / "service.log").read_text()
            raise TooSlow(f"{self.name} ended at once: {log[-500:]}")
        try:
            self.connect()
        except OSError:
            return False
        return True


@contextlib.contextmanager
def running(kind: type[System], place: Place, loads: Sequence[Load]) -> Iterator[System]:
    system = kind(place, loads)
    try:
        yield system
    finally:
        signal.alarm(0)
        system.close()


__all__ = ["CannotDo", "Load", "System", "a_place", "running"]
