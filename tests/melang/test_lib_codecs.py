"""The small libraries that turn bytes and numbers into others: base64, ciphers, matrix, prime."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melang.array import Array
from melang.builtin import Builtin
from melang.errors import MelangError
from melang.libs.aes import aes
from melang.libs.base64 import base64
from melang.libs.des import des, des3
from melang.libs.matrix import inv, mul
from melang.libs.prime import prime
from melang.libs.rc import rc4
from melang.plain import Value

BOUNDED = settings(derandomize=True, max_examples=60, deadline=None)


def call(function: Builtin, *values: Value) -> Value:
    return function.fn(None, *values, *(None,) * (function.arity - len(values)))


def refusal(function: Builtin, *values: Value) -> str:
    with pytest.raises(MelangError) as caught:
        call(function, *values)
    return caught.value.message


def test_base64_goes_both_ways() -> None:
    assert call(base64, b"fooba", b"encode") == b"Zm9vYmE="
    assert call(base64, b"Zm9vYmE=", b"decode") == b"fooba"
    assert call(base64, b"", b"encode") == call(base64, b"", b"decode") == b""


def test_base64_takes_strange_bytes_as_zero_but_no_half_group() -> None:
    assert call(base64, b"????", b"decode") == b"\0\0\0"
    assert refusal(base64, b"Zm9", b"decode") == "Invalid argument 1."


@BOUNDED
@given(st.binary(max_size=50))
def test_base64_decodes_anything(data: bytes) -> None:
    with contextlib.suppress(MelangError):
        call(base64, data, b"decode")
    assert call(base64, call(base64, data, b"encode"), b"decode") == data


def test_aes_is_the_standard_one() -> None:
    """The example of FIPS 197, appendix C."""
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    cipher = {
        128: "69c4e0d86a7b0430d8cdb78070b4c55a",
        192: "dda97ca4864cdfe06eaf70a0ec0d7191",
        256: "8ea2b7ca516745bfeafc49904b496089",
    }

    for bits, expected in cipher.items():
        key = bytes(range(bits // 8)) + b"surplus"
        assert call(aes, plain, key, bits, b"encode").hex() == expected
        assert call(aes, bytes.fromhex(expected), key, bits, b"decode") == plain


def test_des_is_the_standard_one_with_its_key_as_a_number() -> None:
    cipher = call(des, b"Now is t", 0x0123456789ABCDEF, b"encode")

    assert cipher.hex() == "3fa40e8a984d4815"
    assert call(des, cipher, 0x0123456789ABCDEF, b"decode") == b"Now is t"


def test_des3_encodes_decodes_encodes() -> None:
    def once(data: bytes, key: int, operation: bytes) -> bytes:
        result: bytes = call(des, data, key, operation)
        return result

    cipher = call(des3, b"DES test" * 2, 100, -99, b"encode")

    by_hand = once(once(once(b"DES test", 100, b"encode"), -99, b"decode"), 100, b"encode")
    assert cipher == by_hand * 2
    assert call(des3, cipher, 100, -99, b"decode") == b"DES test" * 2


def test_rc4_takes_keys_of_any_length() -> None:
    """Known answers: the ones that are quoted everywhere, Wikipedia among them."""
    assert call(rc4, b"Plaintext", b"Key").hex() == "bbf316e8d940af0ad3"
    assert call(rc4, b"pedia", b"Wiki").hex() == "1021bf0420"
    assert call(rc4, call(rc4, b"abc", b"k" * 300), b"k" * 300) == b"abc"
    assert call(rc4, b"", b"key") == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((aes, b"short", b"k" * 16, 128, b"encode"), "Invalid argument 1."),
        ((aes, b"x" * 16, 5, 128, b"encode"), "Invalid argument 2."),
        ((aes, b"x" * 16, b"k" * 16, 256, b"encode"), "Invalid argument 3."),
        ((aes, b"x" * 16, b"k" * 16, 100, b"encode"), "Invalid argument 3."),
        ((aes, b"x" * 16, b"k" * 16, 128, b"crypt"), "Invalid argument 4."),
        ((des, b"short", 1, b"encode"), "Invalid argument 1."),
        ((des, b"x" * 8, b"1", b"encode"), "Invalid argument 2."),
        ((des, b"x" * 8, 1), "Invalid argument 3."),
        ((des3, b"x" * 8, 1, b"2", b"encode"), "Invalid argument 3."),
        ((des3, b"x" * 8, 1, 2, 3), "Invalid argument 4."),
        ((rc4, 5, b"key"), "Invalid argument 1."),
        ((rc4, b"x", b""), "Invalid argument 2."),
        ((base64, 5, b"encode"), "Invalid argument 1."),
        ((base64, b"x", b"nope"), "Invalid argument 2."),
        ((prime, b"x"), "Invalid argument."),
        ((prime, 2**63 - 1), "Invalid argument."),
        ((mul, 1, 2), "Invalid type of argument 1."),
        ((mul, Array(), Array()), "Invalid argument."),
        ((inv, b"x"), "Invalid type of argument."),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[Value, ...], message: str) -> None:
    assert refusal(*arguments) == message


def test_prime_finds_the_next_one() -> None:
    assert [call(prime, n) for n in (-5, 0, 2, 4, 90, 7919, 65536)] == [2, 2, 2, 5, 97, 7919, 65537]
    assert call(prime, 2**62) == 2**62 + 135
    assert call(prime, 2**63 - 25) == 2**63 - 25


def test_prime_is_not_deceived_by_pseudoprimes() -> None:
    assert call(prime, 561) == 563
    assert call(prime, 3215031751) == 3215031767


def matrix(rows: int, columns: int, numbers: list[float]) -> Array:
    return Array.from_pairs(
        [(b"row", rows), (b"col", columns), (b"data", Array.from_list(list(numbers)))]
    )


def test_matrices_are_multiplied() -> None:
    result = call(mul, matrix(2, 3, [1, 2, 3, 4, 5, 6]), matrix(3, 2, [7, 8, 9, 10, 11, 12.5]))

    assert (result.find(b"row"), result.find(b"col")) == (2, 2)
    assert result.find(b"data").values() == [58.0, 65.5, 139.0, 157.0]


def test_matrices_that_do_not_fit_are_false() -> None:
    assert call(mul, matrix(2, 3, [0] * 6), matrix(2, 3, [0] * 6)) is False
    assert call(inv, matrix(2, 3, [0] * 6)) is False
    assert call(inv, matrix(2, 2, [1, 2, 2, 4])) is False


def test_the_inverse_needs_no_pivot_at_its_place() -> None:
    assert call(inv, matrix(2, 2, [0, 2, 4, 0])).find(b"data").values() == [0.0, 0.25, 0.5, 0.0]


@pytest.mark.parametrize(
    "malformed",
    [
        matrix(1, 2, [1]),
        matrix(-1, -1, [1]),
        matrix(1, 1, [b"x"]),  # type: ignore[list-item]
        matrix(1, 1, [True]),
        Array.from_pairs([(b"row", b"1"), (b"col", 1), (b"data", Array())]),
        Array.from_pairs([(b"row", 1), (b"col", 1), (b"data", 1)]),
    ],
)
def test_a_malformed_matrix_is_an_error(malformed: Array) -> None:
    assert refusal(inv, malformed) == "Invalid argument."
