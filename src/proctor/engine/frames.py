"""Frames as the manager writes and reads them: as `keeper.protocol` says, in a fifth of the time.

The keeper has the standard library only.
"""

from __future__ import annotations

from typing import Any

import msgspec

from proctor.keeper import protocol
from proctor.keeper.protocol import Frame

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def to_json(frame: Frame) -> bytes:
    try:
        return _encode(frame)
    except UnicodeEncodeError:  # It has no surrogates, which stand for what is no UTF-8.
        return protocol.to_json(frame)


def from_json(text: bytearray) -> Any:
    """ValueError: it is no JSON."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return protocol.from_json(text)


CODEC = (to_json, from_json)
