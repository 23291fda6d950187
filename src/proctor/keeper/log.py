"""The keeper's own lines on stderr, in the form of the service's log (proctor.log)."""

from __future__ import annotations

import json
import os
import select
import sys
import time


def log(level: str, event: str, **fields: object) -> None:
    """Write one line, or drop it: a reader of our stderr that hangs must not hang the keeper."""
    now = time.time()
    millis = f"{int(now * 1e3) % 1000:03}"
    if os.isatty(2):
        clock = time.strftime("%H:%M:%S", time.localtime(now))
        words = " ".join(f"{name}={value}" for name, value in fields.items())
        text = f"{clock}.{millis} {level:<7} {'keeper':<9} {event:<14} {words}".rstrip()
    else:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        head = {"time": f"{stamp}.{millis}Z", "level": level, "logger": "keeper", "event": event}
        text = json.dumps(head | fields, default=str, separators=(",", ":"))
    poll = select.poll()
    poll.register(2, select.POLLOUT)
    try:
        if poll.poll(0) == [(2, select.POLLOUT)]:
            os.write(2, text.encode(errors="replace")[:4000] + b"\n")
    except OSError:
        pass  # A closed terminal: there is nobody to tell.


def log_exception(event: str) -> None:
    """Log the exception in flight, with its traceback."""
    import traceback  # A quarter of a megabyte that a keeper without faults need not hold.

    log("error", event, error=repr(sys.exc_info()[1]), traceback=traceback.format_exc())
