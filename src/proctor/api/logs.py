"""/v1/logs: what tasks write, searched, followed, and as raw bytes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from proctor.core.errors import BadSpec, UnknownTask
from proctor.core.model import ReplicaId
from proctor.logs import reader
from proctor.logs.search import Source, Wanted, search
from proctor.manager import Manager

from . import cursor
from .errors import Problem, Refused
from .logfollow import BATCH, Following
from .logview import LogView, entry, wanted
from .oapi import Call, Nothing
from .ports import Service
from .reply import NO_SNIFF, NO_STORE, Stream
from .schemas.streams import LogsQuery, RawQuery
from .streams import LINES, Framing

BINARY = (b"content-type", b"application/octet-stream")


class Logs:
    """The handlers.  A service without `subscribe` writes no logs, so nothing can be followed."""

    def __init__(self, manager: Manager, root: Path, service: Service) -> None:
        self._manager = manager
        self._root = root
        self._service = service
        self._view = LogView(manager, root, service)

    async def lines(self, call: Call[LogsQuery, Nothing]) -> Stream:
        query, wishes = call.query, wanted(call.query)
        framing = Framing(call.header(b"accept"), default=LINES)
        ids = await asyncio.to_thread(self._view.chosen, query)
        if query.follow and self._service.subscribe is not None:
            after = _after(query.after or call.header(b"last-event-id"))
            following = Following(self._view, self._service, call, framing)
            return Stream(following.chunks(ids, wishes, after), framing.headers)
        sources, states = await self._view.settled(ids, query, lines=False)
        sources = [replace(source, stop=states[source.id].end) for source in sources]
        return Stream(self._read(sources, wishes, framing), framing.headers)

    async def _read(
        self, sources: list[Source], wishes: Wanted, framing: Framing
    ) -> AsyncGenerator[bytes, None]:
        found = search(self._root, sources, wishes)
        while batch := await asyncio.to_thread(lambda: list(islice(found, BATCH))):
            yield b"".join(framing.frame(entry(id, one)) for _, id, one in batch)

    async def raw(self, call: Call[RawQuery, Nothing]) -> Stream:
        """Return the bytes themselves: all that are kept, or a range of them."""
        id = self._known(call.path["name"], call.path["index"])
        first, end = await asyncio.to_thread(reader.bounds, self._root, id)
        start, stop = call.query.start, call.query.stop
        head = (BINARY, NO_STORE, NO_SNIFF, (b"accept-ranges", b"bytes"))
        asked = _range(call.header(b"range"), end)
        if asked is None or (start, stop) != (None, None):
            return Stream(_in_thread(reader.chunks(self._root, id, start, stop)), head)
        start, stop = max(asked[0], first), min(asked[1], end)
        if start >= stop:
            where = (b"content-range", b"bytes */%d" % end)
            raise Refused(Problem(416, _kept(first, end), headers=(where,)))
        bounds = b"bytes %d-%d/%d" % (start, stop - 1, end)
        chunks = _in_thread(reader.chunks(self._root, id, start, stop))
        return Stream(chunks, (*head, (b"content-range", bounds)), status=206)

    def _known(self, name: str, index: str) -> ReplicaId:
        if not (index.isascii() and index.isdecimal() and len(index) < 10):
            raise BadSpec("`index` is not valid: expected a whole number", field="index")
        id = ReplicaId(name, int(index))
        if id not in self._manager.world.replicas and not self._has_log(id):
            raise UnknownTask(f"there is no output of {id}", field="name")
        return id

    def _has_log(self, id: ReplicaId) -> bool:
        return _is_name(id.task) and id.index in reader.replicas(self._root, id.task)


def _after(text: str) -> cursor.Cursor | None:
    found = cursor.parse(text) if text else None
    if text and found is None:
        raise BadSpec("`after` is not valid: expected the id of an event", field="after")
    return found


def _range(header: str, end: int) -> tuple[int, int] | None:
    """Return the bytes from, to (exclusive) that a Range header asks for (RFC 9110, 14.2).

    None: all, also for what is no single range of bytes, which is to be passed over.
    """
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", header.replace(" ", ""))
    if match is None or match[1] + match[2] == "":
        return None
    if match[1] == "":
        return max(0, end - int(match[2])), end
    return int(match[1]), int(match[2]) + 1 if match[2] else end


def _kept(first: int, end: int) -> str:
    return "nothing is kept" if first == end else f"only bytes {first} to {end - 1} are kept"


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_@][A-Za-z0-9_.:@-]*", text) is not None


async def _in_thread(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece
