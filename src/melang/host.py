"""What the scheduler needs from the world around it, and how a plain process gives it."""

from __future__ import annotations

import os
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from .scheduler import Scheduler

    class Child(Protocol):
        """A command that runs."""

        pid: int

        def kill(self) -> None:
            """Ask it to end (SIGTERM)."""

    class Host(Protocol):
        """Where scripts run."""

        def write(self, output: bytes) -> None:
            """Write what a script prints, at once."""

        def start(
            self,
            scheduler: Scheduler,
            command: bytes,
            user: str | None,
            group: str | None,
            output: Callable[[bytes], None],
            done: Callable[[], None],
        ) -> Child:
            """Run `sh -c command` with stdin at /dev/null.

            `output` gets what it writes to stdout and stderr, piece by piece; `done`
            is called when both are closed.  Must not block.  Raises OSError, and
            KeyError for an unknown user or group.
            """


class LocalChild:
    """A child process of this one; its exit status is collected through a pidfd."""

    def __init__(self, scheduler: Scheduler, pid: int, reap: Callable[[], None]) -> None:
        self.pid = pid
        self.scheduler = scheduler
        self.reap = reap
        self.alive = True
        self.pidfd = os.pidfd_open(pid)
        scheduler.add_reader(self.pidfd, self._ended)

    def kill(self) -> None:
        """Send SIGTERM, unless the process has ended."""
        if self.alive:
            from signal import SIGTERM

            os.kill(self.pid, SIGTERM)

    def _ended(self) -> None:
        self.alive = False
        self.scheduler.remove_reader(self.pidfd)
        os.close(self.pidfd)
        self.reap()


class LocalHost:
    """The process itself: output to its stderr, commands as its children."""

    def write(self, output: bytes) -> None:
        """Write to stderr; nobody listening is no error of the script."""
        try:
            while output:
                output = output[os.write(2, output) :]
        except OSError:
            pass

    def environment(self) -> dict[str, str] | None:
        """Return the variables of the command that is about to be run; None: our own."""
        return None

    def start(
        self,
        scheduler: Scheduler,
        command: bytes,
        user: str | None,
        group: str | None,
        output: Callable[[bytes], None],
        done: Callable[[], None],
    ) -> LocalChild:
        """Run `sh -c command`; see Host."""
        import subprocess

        process = subprocess.Popen(
            [b"/bin/sh", b"-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            user=user,
            group=group,
            extra_groups=[] if user is not None else None,
            env=self.environment(),
        )
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        os.set_blocking(pipe, False)

        def readable() -> None:
            try:
                piece = os.read(pipe, 65536)
            except BlockingIOError:
                return
            except OSError:
                piece = b""
            if piece:
                output(piece)
                return
            scheduler.remove_reader(pipe)
            assert process.stdout is not None
            process.stdout.close()
            done()

        scheduler.add_reader(pipe, readable)

        def reap() -> None:
            process.wait()

        return LocalChild(scheduler, process.pid, reap)
