"""The library `json`, called without an interpreter around it."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melang.array import Array
from melang.errors import MelangError
from melang.libs.json import MAX_DEPTH, decode, encode
from melang.plain import Value
from melang.texts import print_text
from melang.values import Object

BOUNDED = settings(derandomize=True, max_examples=60, deadline=None)


def decoded(text: bytes) -> Value:
    return decode.fn(None, text)


def encoded(value: Value) -> Value:
    return encode.fn(None, value)


def as_python(value: Value) -> object:
    if not isinstance(value, Array):
        return value.decode() if type(value) is bytes else value
    if value.keys:
        return {key.decode(): as_python(member) for key, member in value.items()}
    return [as_python(member) for member in value.values()]


def as_script(value: object) -> Value:
    match value:
        case dict():
            return Array.from_pairs((key.encode(), as_script(item)) for key, item in value.items())
        case list():
            return Array.from_list([as_script(item) for item in value])
        case str():
            return value.encode()
    return value


def test_values_are_read() -> None:
    text = rb' {"a": [1, 2.5, "x", true, false, null, [], {}], "\u00e9": "\n\"\/"} '

    assert as_python(decoded(text)) == {
        "a": [1, 2.5, "x", True, False, None, [], []],
        "é": '\n"/',
    }


def test_integral_numbers_are_integers_and_others_reals() -> None:
    numbers = decoded(b"[1e3, -2E-2, 0, -0, 1.0, 10000000000, 1e300]").values()

    assert numbers == [1000, -0.02, 0, 0, 1, 10000000000, 1e300]
    assert [type(number) for number in numbers] == [int, float, int, int, int, int, float]


def test_an_escaped_pair_is_one_character() -> None:
    assert decoded(rb'["\ud83d\ude00"]').values() == ["😀".encode()]
    assert decoded(rb'["\ud83d"]').values() == [b"\xed\xa0\xbd"]


def test_the_last_of_equal_keys_wins() -> None:
    assert print_text(decoded(b'{"a":1,"b":3,"a":2}')) == b"[2, 3, ]"


def test_a_comma_may_follow_the_last_element() -> None:
    assert print_text(decoded(b'[[1,],{"a":1,},]')) == b"[[1, ], [1, ], ]"


def test_words_may_have_capitals_as_in_the_original() -> None:
    assert decoded(b"[True, NULL, fALSE]").values() == [True, None, False]


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b" ", b"5", b'"s"', b"true", b"null", b"[", b"[1", b"]", b"[1}", b'{"a"}'),
        *(b"{1:2}", b"[1 2]", b"[01]", b"[1]x", b"[1][", b"[nul]", b"[,]", b"{,}", b"[1,,2]"),
        *(b'["\\x"]', b'["abc]', b"[+1]", b"[.5]", b"[1.]", b'["\\u12"]', b'{"a":}', b"[:]"),
        *(b"[NaN]", b"[Infinity]", b"['a']", b"[truefalse]", b'{"a":[}', b"\xef\xbb\xbf[]"),
    ],
)
def test_what_is_no_json_and_what_is_no_array_is_false(text: bytes) -> None:
    assert decoded(text) is False


def test_only_a_string_can_be_decoded() -> None:
    with pytest.raises(MelangError, match=r"^Invalid type of argument\.$"):
        decoded(5)  # type: ignore[arg-type]


def test_members_are_ordered_by_the_length_of_their_key_and_its_bytes() -> None:
    value = Array.from_pairs([(b"b", 1), (b"ccc", None), (b"a", True)])

    assert encoded(value) == b'{"a":true,"b":1,"ccc":null}'


def test_numbers_go_through_a_double() -> None:
    numbers = Array.from_list([0, -1, 9007199254740993, 0.1, 1.0, 1e20])

    assert encoded(numbers) == b"[0,-1,9007199254740992,0.100000,1,100000000000000000000.000000]"


def test_only_quotes_and_backslashes_are_escaped() -> None:
    assert encoded(Array.from_list([b'q"\\\n'])) == b'["q\\"\\\\\n"]'


@pytest.mark.parametrize(
    "value",
    [
        5,
        None,
        b"s",
        Array.from_pairs([(5, b"x")]),
        Array.from_pairs([(None, 1), (b"k", 2)]),
        Array.from_list([Object(None, {})]),
        Array.from_list([encode]),
        Array.from_list([float("inf")]),
    ],
)
def test_what_cannot_be_written_is_false(value: Value) -> None:
    assert encoded(value) is False


def test_keys_that_are_not_strings_are_skipped() -> None:
    assert encoded(Array.from_pairs([(1.5, b"x"), (b"a", 1)])) == b'{"a":1}'


def test_an_array_that_contains_itself_is_false() -> None:
    array = Array()
    array.append(array)

    assert encoded(array) is False


def test_what_is_nested_as_deeply_as_allowed_goes_both_ways() -> None:
    text = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH

    assert encoded(decoded(text)) == text
    assert decoded(b"[" + text + b"]") is False


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b"[" + b" " * 1_000_000,
        b"[" + b"1" * 1_000_000,
        b'["' + b"\\" * 1_000_000,
        b'["' + b"a" * 1_000_000,
        b"[" + b"1," * 250_000,
        b"[" + b'"' * 1_000_001,
    ],
)
def test_a_megabyte_of_rubbish_is_refused_in_linear_time(text: bytes) -> None:
    begun = time.process_time()

    assert decoded(text) is False
    assert time.process_time() - begun < 10


@BOUNDED
@given(st.binary(max_size=60))
def test_any_bytes_can_be_decoded(text: bytes) -> None:
    decoded(text)


@BOUNDED
@given(st.text(alphabet='[]{},:"\\ute0123.-+ alsrn', max_size=60))
def test_what_looks_like_json_can_be_decoded(text: str) -> None:
    decoded(text.encode())


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=15,
)


@BOUNDED
@given(st.lists(TREES, max_size=5))
def test_values_come_back_as_they_were_written(tree: list[object]) -> None:
    text = encoded(as_script(tree))

    assert as_python(decoded(text)) == without_empty_dicts(tree)


@BOUNDED
@given(st.lists(TREES, max_size=5))
def test_json_of_others_is_understood(tree: list[object]) -> None:
    assert as_python(decoded(json.dumps(tree).encode())) == without_empty_dicts(tree)


def without_empty_dicts(value: object) -> object:
    """An empty array is both: nothing says whether it once had keys."""
    match value:
        case dict() if value:
            return {key: without_empty_dicts(item) for key, item in value.items()}
        case dict():
            return []
        case list():
            return [without_empty_dicts(item) for item in value]
    return value
