"""The keeper's own lines on stderr: readable on a terminal, JSON lines otherwise."""

from __future__ import annotations

import json
import os
import select
import sys
import time
import traceback


def log(level: str, event: str, **fields: object) -> None:
    """Write one line, or drop it: a reader of our stderr that hangs must not hang the keeper."""
    now = time.time()
    if os.isatty(2):
        clock = time.strftime("%H:%M:%S", time.localtime(now))
        text = " ".join([clock, level, "keeper:", event, *(f"{k}={v}" for k, v in fields.items())])
    else:
        stamp = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1e3) % 1000:03}Z"
        )
        head = {"ts": stamp, "level": level, "event": event, "part": "keeper", "pid": os.getpid()}
        text = json.dumps(head | fields, default=str)
    poll = select.poll()
    poll.register(2, select.POLLOUT)
    try:
        if poll.poll(0) == [(2, select.POLLOUT)]:
            os.write(2, text.encode(errors="replace")[:4000] + b"\n")
    except OSError:
        pass  # A closed terminal: there is nobody to tell.


def log_exception(event: str) -> None:
    """Log the exception in flight, with its traceback."""
    log("error", event, error=repr(sys.exc_info()[1]), traceback=traceback.format_exc())
