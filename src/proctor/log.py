"""The service's own log: an event's name and fields, one line each, on standard error.

    log = get_logger("manager")
    log.info("ended", task="web", replica=0, status=1)

On a terminal a line is aligned and coloured, with local time; elsewhere it is one JSON object.
What other libraries log through `logging` comes out the same way.  The output of tasks, their
environments and secrets never do.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TextIO

import msgspec

DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR
LEVELS = {"debug": DEBUG, "info": INFO, "warning": WARNING, "error": ERROR}
OURS = "proctor."


class Log:
    """A named logger with fields that all its lines carry."""

    __slots__ = ("_bound", "_logger")

    def __init__(self, logger: logging.Logger, bound: Mapping[str, object]) -> None:
        self._logger = logger
        self._bound = bound

    def bind(self, **fields: object) -> Log:
        return Log(self._logger, {**self._bound, **fields})

    def debug(self, event: str, /, **fields: object) -> None:
        self._log(DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        self._log(INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        self._log(WARNING, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        self._log(ERROR, event, fields)

    def exception(self, event: str, /, **fields: object) -> None:
        """Log an error with the traceback of the exception being handled."""
        self._log(ERROR, event, fields, traceback=True)

    def _log(
        self, level: int, event: str, fields: Mapping[str, object], *, traceback: bool = False
    ) -> None:
        if self._logger.isEnabledFor(level):
            extra = {"fields": {**self._bound, **fields}}
            self._logger.log(level, event, exc_info=traceback, extra=extra)


def get_logger(name: str) -> Log:
    return Log(logging.getLogger(OURS + name), {})


def configure(
    level: str = "info", style: str = "auto", *, stream: TextIO | None = None
) -> logging.Handler:
    """Send what is logged to `stream` (standard error), and return the handler that does.

    `style` is "text", "json", or "auto": text if the stream is a terminal.
    """
    stream = stream or sys.stderr
    terminal = stream.isatty()
    if style == "json" or (style == "auto" and not terminal):
        write_line: Callable[[logging.LogRecord], bytes] = json_line
    else:
        colours = terminal and "NO_COLOR" not in os.environ
        write_line = Text(COLOURS if colours else PLAIN)
    handler = LineHandler(stream.fileno(), write_line)
    _leave_out_what_no_line_shows()
    logging.basicConfig(handlers=[handler], level=LEVELS[level], force=True)
    return handler


def _leave_out_what_no_line_shows() -> None:
    """Half of what a line costs: who called, and by which thread, process and task.

    Source: the "Optimization" section of Python's Logging HOWTO.
    """
    logging._srcfile = None
    for name in ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"):
        setattr(logging, name, False)


class LineHandler(logging.Handler):
    """Writes each line with one write(2), so that processes sharing a stream do not mix lines."""

    def __init__(self, fd: int, line: Callable[[logging.LogRecord], bytes]) -> None:
        super().__init__()
        self._fd = fd
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        rest = self._line(record)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            pass  # nobody reads the log (any more); the service goes on


def json_line(record: logging.LogRecord) -> bytes:
    line: dict[str, Any] = {
        "time": _utc(record.created),
        "level": record.levelname.lower(),
        "logger": _logger_name(record),
        "event": record.getMessage(),
    }
    line = {**line, **_fields(record), **line}  # in this order; no field replaces ours
    if record.exc_info:
        line["traceback"] = _traceback(record)
    try:
        return _encode_json(line) + b"\n"
    except UnicodeEncodeError:
        # Bytes that are no UTF-8 (a path, a command) are kept in str as lone surrogates.
        return _encode_json({key: _printable(value) for key, value in line.items()}) + b"\n"


class Text:
    """Makes lines for people: time, level, logger, event, fields."""

    def __init__(self, colours: Mapping[str, str]) -> None:
        self._colours = colours

    def __call__(self, record: logging.LogRecord) -> bytes:
        paint = self._paint
        moment = time.strftime("%H:%M:%S", time.localtime(record.created))
        parts = [
            paint("dim", f"{moment}.{int(record.created * 1000) % 1000:03d}"),
            paint(record.levelname, f"{record.levelname.lower():<7}"),
            paint("dim", f"{_logger_name(record):<9}"),
            paint("event", f"{_one_line(record.getMessage()):<14}"),
            *(paint("dim", key + "=") + _value(value) for key, value in _fields(record).items()),
        ]
        text = " ".join(parts).rstrip() + "\n"
        if record.exc_info:
            text += _traceback(record) + "\n"
        return text.encode("utf-8", "backslashreplace")

    def _paint(self, what: str, text: str) -> str:
        colour = self._colours.get(what)
        return f"{colour}{text}\x1b[0m" if colour else text


COLOURS = {
    "dim": "\x1b[2m",
    "event": "\x1b[1m",
    "DEBUG": "\x1b[36m",
    "INFO": "\x1b[32m",
    "WARNING": "\x1b[33m",
    "ERROR": "\x1b[31m",
    "CRITICAL": "\x1b[31m",
}
PLAIN: dict[str, str] = {}

_encode_json = msgspec.json.Encoder(enc_hook=str).encode
_plain_formatter = logging.Formatter()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


def _logger_name(record: logging.LogRecord) -> str:
    return record.name.removeprefix(OURS)


def _traceback(record: logging.LogRecord) -> str:
    assert record.exc_info
    return _plain_formatter.formatException(record.exc_info)


def _utc(seconds: float) -> str:
    whole, thousandths = divmod(int(seconds * 1000), 1000)
    return f"{_utc_second(whole)}.{thousandths:03d}Z"


@lru_cache(maxsize=1)
def _utc_second(whole: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))


def _value(value: object) -> str:
    """Return a value as text that cannot be taken for another field, or move the cursor."""
    text = str(value)
    plain = text.isprintable() and not any(sign in text for sign in ' "=') and text
    return text if plain else repr(text)


def _one_line(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]


def _printable(value: Any) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()
