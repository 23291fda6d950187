"""Server-sent events and lines of JSON, taken apart as they come.  Pure."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from .models import Event, LogLine


class Message(Struct, frozen=True):
    """A server-sent event (WHATWG HTML, 9.2): `id` is what to resume after."""

    event: str
    data: str
    id: str


class SseParser:
    """Lines in, messages out; the id holds until another one comes."""

    def __init__(self) -> None:
        self._event = ""
        self._data: list[str] = []
        self.id = ""

    def feed(self, line: str) -> Message | None:
        """Take one line, without its end; return the message that it completes."""
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self.id = value
        return None

    def _complete(self) -> Message | None:
        event, self._event = self._event, ""
        data, self._data = self._data, []
        if not data:
            return None
        return Message(event or "message", "\n".join(data), self.id)


class LineSplitter:
    """Pieces of bytes in, whole lines out; `rest` is what has no end yet."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        *lines, self.rest = (self.rest + piece).split(b"\n")
        return [line.removesuffix(b"\r") for line in lines]


def read_line(line: bytes) -> LogLine:
    return msgspec.json.decode(line, type=LogLine)


def read_log(message: Message) -> LogLine:
    return msgspec.json.decode(message.data, type=LogLine)


class Resumption:
    """How often, and behind what, a stream is asked for again that has broken off.

    `after` is the id to go on behind.  Rule: every attempt at which the service says nothing at
    all counts, and after `ATTEMPTS` in a row it is given up.
    """

    ATTEMPTS = 4
    PAUSE = 0.05

    def __init__(self, after: str = "") -> None:
        self.after = after
        self._parser = SseParser()
        self._failures = 0

    def begin(self) -> None:
        """Take up a new connection."""
        self._parser = SseParser()

    def feed(self, line: bytes) -> Message | None:
        """Take a line of the stream; return the message that it completes."""
        self._failures = 0
        message = self._parser.feed(line.decode("utf-8", "replace"))
        if not line and self._parser.id:
            self.after = self._parser.id  # Also of one without data, which is no message.
        return message

    def pause(self, error: Exception | None) -> float:
        """Return the seconds until the next attempt; raises `error` when it is given up."""
        self._failures += 1
        if error is not None and self._failures >= self.ATTEMPTS:
            raise error
        return min(1.0, self.PAUSE * 2.0**self._failures)


def read_event(message: Message) -> Event:
    return msgspec.json.decode(message.data, type=Event)
