from __future__ import annotations

import pytest

from proctor.engine import frames
from proctor.keeper import protocol

CODECS = (protocol, frames)


@pytest.mark.parametrize(
    "text", ["plain", 'with "quotes"\n\t\\', "grün ☂ 🦆", "no UTF-8: \udcff\udc80", "\x7f\x01"]
)
@pytest.mark.parametrize("writer", CODECS)
@pytest.mark.parametrize("reader", CODECS)
def test_each_side_reads_what_the_other_writes(writer, reader, text: str) -> None:
    frame = {"op": "spawn", "mark": (1 << 62) - 1, "env": {text: text}, "left": None, "cpu": 0.25}

    assert reader.from_json(bytearray(writer.to_json(frame))) == frame


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("rubbish", [b"", b"{", b"\xff", b'{"a": "\xc3"}', b"[" * 100_000])
def test_rubbish_is_a_value_error(codec, rubbish: bytes) -> None:
    with pytest.raises(ValueError):
        codec.from_json(bytearray(rubbish))
