"""The library `http`, called without an interpreter around it."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melang.array import Array
from melang.errors import MelangError
from melang.libs.http import METHODS, create, parse
from melang.plain import Value
from melang.texts import print_text
from melang.values import Cell

BOUNDED = settings(derandomize=True, max_examples=60, deadline=None)


def parsed(data: bytes) -> tuple[Value, bytes]:
    """Return the answer and what is left in the variable."""
    variable = Cell(data)
    return parse.fn(None, variable), variable.get()


def created(**entries: Value) -> bytes:
    message = Array.from_pairs((key.encode(), value) for key, value in entries.items())
    text: bytes = create.fn(None, message)
    return text


def headers(**entries: Value) -> Array:
    return Array.from_pairs((key.encode(), value) for key, value in entries.items())


def test_a_request_is_read() -> None:
    message, rest = parsed(b"GET /a?b=1&c=2 HTTP/1.1\r\nContent-Length:3\r\nReferer: x\r\n\r\nabc+")

    assert print_text(message) == b"[request, GET, 1.1, /a, b=1&c=2, [3, x, ], abc, ]"
    assert message.find(b"headers").find(b"Referer") == b"x"
    assert rest == b"+"


def test_a_response_is_read() -> None:
    message, rest = parsed(b"HTTP/1.0 404 Not Found\nServer: Apache\n\n")

    assert print_text(message) == b"[response, 1.0, 404, [Apache, ], , ]"
    assert rest == b""


def test_one_message_after_the_other_is_taken() -> None:
    first, rest = parsed(b"GET /1\r\n\r\nGET /2\r\n\r\n")
    second, rest = parsed(rest)

    assert (first.find(b"uri"), second.find(b"uri"), rest) == (b"/1", b"/2", b"")


def test_without_a_version_it_is_the_old_one() -> None:
    assert parsed(b"get /\r\n\r\n")[0].find(b"version") == b"1.0"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcd",
    ],
)
def test_an_incomplete_message_is_nil_and_stays(data: bytes) -> None:
    assert parsed(data) == (None, data)


@pytest.mark.parametrize(
    "data",
    [
        b"BREW / HTTP/1.1\r\n",
        b"\r\n",
        b" \n",
        b"GET\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"GET /\r\nno colon here\r\n\r\n",
        b"GET /\r\n: no name\r\n\r\n",
    ],
)
def test_what_is_no_http_is_an_error(data: bytes) -> None:
    with pytest.raises(MelangError, match=r"^Invalid HTTP data\.$"):
        parsed(data)


def test_a_header_without_a_value_is_empty() -> None:
    message, _ = parsed(b"GET /\r\nA\r\nB:\r\n\r\n")

    assert message.find(b"headers").values() == [b"", b""]


def test_a_negative_length_is_false_and_a_senseless_one_zero() -> None:
    assert parsed(b"GET /\r\ncontent-length: -4\r\n\r\n")[0] is False
    assert parsed(b"GET /\r\nContent-Length: abc\r\n\r\nx")[1] == b"x"
    assert parsed(b"GET /\r\nContent-Length: %s\r\n\r\nx" % (b"9" * 5000))[0] is None


def test_a_request_is_written() -> None:
    text = created(
        type=b"request",
        method=b"POST",
        version=b"1.1",
        uri=b"/",
        args=b"a=1",
        headers=headers(Referer=b"x", A=b"b"),
        body=b"abc",
    )

    assert text == b"POST /?a=1 HTTP/1.1\r\nA: b\r\nReferer: x\r\nContent-Length: 3\r\n\r\nabc"


def test_a_response_is_written_and_a_given_length_is_kept() -> None:
    lengths = Array.from_pairs([(b"content-length", b"1")])
    text = created(type=b"response", version=b"1.0", headers=lengths, body=b"abc")

    assert text == b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nabc"


def test_an_unknown_code_ends_the_coroutine_without_a_word() -> None:
    with pytest.raises(MelangError) as caught:
        created(type=b"response", version=b"1.1", code=299, headers=Array())

    assert caught.value.message == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": None}, "'type' should be a string."),
        (
            {"type": b"nope"},
            "Invalid value indexed by 'type' should be 'request' or 'response'.",
        ),
        ({"method": b"BREW"}, "Invalid method."),
        ({"version": b"2.0"}, "Invalid version."),
        ({"uri": None}, "'uri' should be a string."),
        ({"headers": b""}, "'headers' should be an array."),
        ({"headers": Array.from_pairs([(1.5, b"x")])}, "Header's key should be a string."),
        ({"headers": Array.from_pairs([(b"a", 5)])}, "Header's value should be a string."),
        ({"body": 5}, "'body' should be a string."),
        ({"type": b"response", "code": b"x"}, "'code' should be an integer."),
    ],
)
def test_a_wrong_entry_is_named(changes: dict[str, Value], message: str) -> None:
    entries: dict[str, Value] = {
        "type": b"request",
        "method": b"GET",
        "version": b"1.1",
        "uri": b"/",
        "args": b"",
        "headers": Array(),
    }

    with pytest.raises(MelangError) as caught:
        created(**(entries | changes))

    assert caught.value.message == message


def test_an_empty_array_is_nil_and_anything_else_an_error() -> None:
    assert create.fn(None, Array()) is None
    with pytest.raises(MelangError, match=r"^Invalid argument 1\.$"):
        create.fn(None, 5)
    with pytest.raises(MelangError, match=r"^Invalid argument 1\.$"):
        parse.fn(None, Cell(5))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 150_000 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"A" * 1_000_000,
        b" " * 1_000_000 + b"\n",
        b"GET /" + b" " * 1_000_000 + b"\n\n",
        b"GET /\nA: " + b" \t" * 500_000 + b"\n\n",
        b"HTTP/1.1 " + b"2" * 1_000_000 + b"\n\n",
    ],
)
def test_a_megabyte_is_read_in_linear_time(data: bytes) -> None:
    begun = time.process_time()

    with contextlib.suppress(MelangError):
        parsed(data)

    assert time.process_time() - begun < 10


PARTS = st.sampled_from(
    [
        *(b"GET", b"post", b"HTTP/1.1", b"HTTP/1.0", b"Content-Length", b"/a?b", b":", b" "),
        *(b"\r\n", b"\n", b"-", b"3", b"200", b"\0", b"\xff", b"abc", b"\t"),
    ]
)


@BOUNDED
@given(st.lists(PARTS, max_size=25).map(b"".join) | st.binary(max_size=60))
def test_any_bytes_can_be_parsed(data: bytes) -> None:
    with contextlib.suppress(MelangError):
        answer, rest = parsed(data)
        assert data.endswith(rest)
        assert answer is None or answer is False or isinstance(answer, Array)


SCALARS = st.none() | st.booleans() | st.integers() | st.binary(max_size=8)
KEYS = st.sampled_from([b"type", b"method", b"version", b"uri", b"args", b"code", b"body"])
KNOWN = st.sampled_from([b"request", b"response", b"GET", b"1.1", 200, 404])
DICTS = st.dictionaries(KEYS | SCALARS.filter(bool), KNOWN | SCALARS, max_size=10)


@BOUNDED
@given(DICTS, st.none() | st.dictionaries(SCALARS.filter(bool), SCALARS, max_size=3))
def test_any_dict_can_be_written(entries: dict[Value, Value], fields: dict[Value, Value]) -> None:
    message = Array.from_pairs((key, entries[key]) for key in entries if type(key) is not int)
    if fields is not None:
        pairs = ((key, value) for key, value in fields.items() if type(key) is not int)
        message.set(b"headers", Array.from_pairs(pairs))

    with contextlib.suppress(MelangError):
        create.fn(None, message)


WORD = st.text("abcXYZ019-_/.", min_size=1, max_size=10).map(str.encode)


@BOUNDED
@given(
    st.sampled_from(METHODS),
    WORD,
    st.dictionaries(WORD, st.text("abc =;,", max_size=8).map(str.encode), max_size=4),
    st.binary(max_size=50),
)
def test_what_is_written_is_read_again(
    method: bytes, uri: bytes, fields: dict[bytes, bytes], body: bytes
) -> None:
    fields = {name: value for name, value in fields.items() if name.lower() != b"content-length"}
    text = created(
        type=b"request",
        method=method,
        version=b"1.1",
        uri=uri,
        args=b"q=1",
        headers=Array.from_pairs(fields.items()),
        body=body,
    )

    message, rest = parsed(text + b"more")

    assert (message.find(b"method"), message.find(b"uri")) == (method, uri)
    assert (message.find(b"body"), rest) == (body, b"more")
    merged = {name.lower(): value.lstrip(b" ") for name, value in sorted(fields.items())}
    assert (
        merged.items()
        >= {
            name.lower(): value
            for name, value in message.find(b"headers").items()
            if name.lower() in merged and len(merged) == len(fields)
        }.items()
    )
