"""Compressed segments: gzip members in a row, each of one block and with its length in its head.

The head's extra field (RFC 1952, 2.3.1.1) has a subfield "PR" with two little-endian 32-bit words:
the bytes of the whole member, and those of its content.  So a block is found without unpacking
those before it; `zcat` reads the file as any other.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator

BLOCK = 256 << 10
LEVEL = 6
_HEAD = struct.Struct("<HBBIBBH2sHII")
_TRAILER = struct.Struct("<II")
_MAGIC, _DEFLATE, _EXTRA, _ANY_SYSTEM = 0x8B1F, 8, 4, 255
_RAW = -zlib.MAX_WBITS


def member(content: bytes) -> bytes:
    """Return one block, compressed."""
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, _RAW)
    body = deflate.compress(content) + deflate.flush()
    size = _HEAD.size + len(body) + _TRAILER.size
    extra = (12, b"PR", 8, size, len(content))
    head = _HEAD.pack(_MAGIC, _DEFLATE, _EXTRA, 0, 0, _ANY_SYSTEM, *extra)
    return head + body + _TRAILER.pack(zlib.crc32(content), len(content))


def packed(source: int, size: int, target: int, go_on: Callable[[], bool]) -> bool:
    """Write the first `size` bytes of one file to the other, compressed; False: given up."""
    at = 0
    while at < size:
        if not go_on():
            return False
        content = os.pread(source, min(BLOCK, size - at), at)
        if not content:
            return False
        left = memoryview(member(content))
        while left:
            left = left[os.write(target, left) :]
        at += len(content)
    return True


def unpacked(file: int, start: int, stop: int) -> Iterator[bytes]:
    """Yield the content from `start` to `stop` (exclusive), in pieces of up to a block.

    It ends early where the file is damaged.
    """
    at = position = 0
    while at < stop:
        head = os.pread(file, _HEAD.size, position)
        if len(head) < _HEAD.size or head[:4] != b"\x1f\x8b\x08\x04" or head[12:14] != b"PR":
            return
        *_, size, length = _HEAD.unpack(head)
        if at + length > start:
            content = _content(os.pread(file, size, position), length)
            if content is None:
                return
            yield content[max(0, start - at) : stop - at]
        at += length
        position += size


def _content(whole: bytes, length: int) -> bytes | None:
    try:
        content = zlib.decompress(whole[_HEAD.size : -_TRAILER.size], _RAW, length or 1)
    except zlib.error:
        return None
    fits = _TRAILER.pack(zlib.crc32(content), len(content)) == whole[-_TRAILER.size :]
    return content if fits and len(content) == length else None
