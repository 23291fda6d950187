"""What the scheduler needs from the world around it, and how a plain process gives it."""

from __future__ import annotations

import os
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import Popen
    from typing import Any, Protocol

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

    def __init__(
        self,
        scheduler: Scheduler,
        process: Popen[bytes],
        output: Callable[[bytes], None],
        done: Callable[[], None],
    ) -> None:
        assert process.stdout is not None
        self.scheduler = scheduler
        self.process = process
        self.pid = process.pid
        self.pipe = process.stdout
        self.output = output
        self.done = done
        self.pidfd = os.pidfd_open(process.pid)
        os.set_blocking(self.pipe.fileno(), False)
        scheduler.add_reader(self.pipe.fileno(), self._readable)
        scheduler.add_reader(self.pidfd, self._ended)

    def kill(self) -> None:
        """Send SIGTERM, unless the process has ended, and hear nothing more of it."""
        if self.process.returncode is None:
            self.process.terminate()
        self._close()

    def _readable(self) -> None:
        try:
            piece = os.read(self.pipe.fileno(), 65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if piece:
            self.output(piece)
            return
        self._close()
        self.done()

    def _close(self) -> None:
        if not self.pipe.closed:
            self.scheduler.remove_reader(self.pipe.fileno())
            self.pipe.close()

    def _ended(self) -> None:
        self.scheduler.remove_reader(self.pidfd)
        os.close(self.pidfd)
        self.process.wait()


class LocalHost:
    """The process itself: output to its stderr, commands as its children."""

    def write(self, output: bytes) -> None:
        """Write to stderr; nobody listening is no error of the script."""
        try:
            while output:
                output = output[os.write(2, output) :]
        except OSError:
            pass

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
        return LocalChild(scheduler, shell(command, user, group), output, done)


def shell(command: bytes, user: str | None, group: str | None, **more: Any) -> Popen[bytes]:
    """Start `sh -c command`, its output in one pipe; `more` is for Popen."""
    import subprocess

    return subprocess.Popen(
        [b"/bin/sh", b"-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        user=user,
        group=group,
        extra_groups=[] if user is not None else None,
        **more,
    )
