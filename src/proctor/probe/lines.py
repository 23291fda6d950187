"""Wait for a line in the output of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from proctor.core.model import ReplicaId
from proctor.logs.lines import lines
from proctor.logs.pattern import Pattern, TooSlow
from proctor.logs.reader import run_ranges
from proctor.logs.writer import LogWriter

Found = Callable[[bool, str], None]

PATIENCE = 0.2
"""Seconds that looking at a line may take: the event loop waits for it."""


class LineWatch:
    """Calls `found` once, with the first line of the run that the pattern is found in.

    Or with False and what is wrong, if looking at a line takes too long; then it looks no more.

    It reads what there is already, then what comes, from the log: so nothing is missed when the
    manager was away, and a task that floods its output is read no faster than it is written.
    `found` and `look` are called where `call_soon` puts them: in the event loop.
    """

    def __init__(
        self,
        writer: LogWriter,
        root: Path,
        id: ReplicaId,
        run: int,
        pattern: str,
        found: Found,
        call_soon: Callable[[Callable[[], None]], object],
    ) -> None:
        self._root = root
        self._id = id
        self._run = run
        self._pattern = Pattern(pattern, patience=PATIENCE)
        self._found = found
        self._at: int | None = None
        self._ended = False

        def look_soon(id: ReplicaId, end: int) -> None:
            call_soon(self.look)

        self._end = writer.subscribe(id, look_soon)
        call_soon(self.look)

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._end()

    def look(self) -> None:
        """Read on from where the last look ended; a line that is not whole is read again."""
        if self._ended:
            return
        if self._at is None:
            self._at = self._beginning()
            if self._at is None:
                return
        for line in lines(self._root, self._id, start=self._at, run=self._run):
            if (told := self._judge(line.text)) is not None:
                self.close()
                self._found(*told)
                return
            if line.text.endswith(b"\n"):
                self._at = line.offset + len(line.text)

    def _judge(self, text: bytes) -> tuple[bool, str] | None:
        try:
            if self._pattern.find(text) is None:
                return None
        except TooSlow as error:
            return False, str(error)
        return True, text.decode("utf-8", "replace").rstrip("\r\n")

    def _beginning(self) -> int | None:
        """Return where the run's output begins, once there is any."""
        for part in run_ranges(self._root, self._id):
            if part.run == self._run:
                return part.start
        return None
