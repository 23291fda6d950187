"""`proctor up`: serve, apply the file of this folder, and show all output until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proctor.client.errors import ClientError, NotReachable, OperationFailed, Unfinished
from proctor.client.sync import Client

from .apply import count, perform, plan, show
from .failure import FAILED, complain, say_no_more, told
from .files import file_options, load_file
from .loglines import Column, shown
from .output import paint, printable
from .service import Service

if TYPE_CHECKING:
    from proctor.manifest.manifest import Manifest

AT_REST = frozenset({"stopped", "failed", "completed"})
LONGEST_STOP = 3600.0


@click.command("up")
@file_options
@click.option("--port", type=int, help="Port of the service, if it has to be started.")
@click.option("-t", "--times", is_flag=True, help="Say when each line was written.")
def command(file: Path | None, profiles: tuple[str, ...], port: int | None, times: bool) -> None:
    """Run all tasks of the file in this folder, and show what they write.

    Starts the service if none is running.  Ctrl-C stops the tasks, and the service too if it was
    started here; a second Ctrl-C does not wait for them.  Meanwhile all other commands work in
    another terminal.

    \b
    Examples:
      proctor up
      proctor up -f dev.toml --profile dev
    """
    manifest = load_file(file, profiles)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with told(), Client() as client:
        service = _service(client, port)
        try:
            status = _session(client, service, manifest, times)
        finally:
            if service is not None:
                service.stop()
    sys.exit(status)


def _service(client: Client, port: int | None) -> Service | None:
    """Return the service that was started here; None if one was there."""
    try:
        client.info()
    except NotReachable:
        if client.transport.access.given:
            raise
        service = Service([] if port is None else ["--port", str(port)], _note)
        service.wait_listening()
        return service
    return None


def _session(client: Client, service: Service | None, manifest: Manifest, times: bool) -> int:
    over = threading.Event()
    if service is not None:
        service.when_ended(over.set)
    names = list(manifest.tasks)
    column = Column(max((len(name) + 2 for name in names), default=0))
    since = time.time()
    try:
        steps = plan(client, manifest, prune=False)
        show(steps)
        perform(client, manifest, steps, roll=False)
        count(steps)
        _start_resting(client, [step.task for step in steps if step.result == "unchanged"])
        # Only now is there something to follow; what was written meanwhile comes first.
        follow = partial(_follow, names, since, column, times, over)
        if names:
            threading.Thread(target=follow, daemon=True).start()
        over.wait()
    except KeyboardInterrupt:
        over.set()
        return _stop(client, service, names)
    if service is None:
        return FAILED
    complain(f"the service ended with status {service.status}")
    return service.status or FAILED


def _start_resting(client: Client, names: Sequence[str]) -> None:
    """Start those again that an earlier session, or their end, has left at rest."""
    resting = [t.name for t in client.tasks() if t.name in names and t.state in AT_REST]
    if resting:
        client.act("restart", resting, wait=0.0)


def _stop(client: Client, service: Service | None, names: Sequence[str]) -> int:
    """Stop the tasks; when interrupted again, end at once."""
    click.echo(f"\n{paint('stopping (Ctrl-C again: at once)', 'bright_black')}")
    try:
        # One that was removed meanwhile is no reason to leave the others running; none names all.
        there = {task.name for task in client.tasks()}.intersection(names)
        if there:
            client.stop(*sorted(there), wait=LONGEST_STOP)
    except KeyboardInterrupt:
        if service is None:
            complain("left: the service goes on stopping them")
            return FAILED
        service.kill()
    except (OperationFailed, Unfinished) as error:
        complain(str(error))
        return FAILED
    except ClientError as error:
        if service is None or service.status is None:
            complain(str(error))
            return FAILED
    return 0


def _follow(
    names: Sequence[str], since: float, column: Column, times: bool, over: threading.Event
) -> None:
    """Print what the tasks write, in a thread of its own.

    When nobody reads it any more, as in `proctor up | head`, that is as good as Ctrl-C.
    """
    try:
        with Client() as client:
            for line in client.logs(*names, since=round(since, 3), follow=True):
                click.echo(shown(line, column, times=times))
    except ClientError as error:
        if not over.is_set():
            complain(f"no output: {error}")
    except OSError as error:
        say_no_more()
        if not isinstance(error, BrokenPipeError):
            complain(f"no output: {error}")
        # Not os.kill: another thread could get it, and the main one would sleep on.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _note(level: str, event: str, fields: str) -> None:
    """Say what the service warns of."""
    colour = {"warning": "yellow", "error": "red"}.get(level)
    if colour is not None:
        click.echo(paint(f"proctor: {event} {printable(fields)}", colour), err=True)
