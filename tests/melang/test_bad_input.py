"""Text that is not a program gives an error with a position: no traceback, no hang."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melang.compiler import compile_file, compile_text
from melang.errors import CompileError
from melang.source import MAX_BYTES

from .running import output_of

TOO_DEEP = [
    b"x = " + b"(" * 20000 + b"1" + b")" * 20000 + b";",
    b"{" * 20000,
    b"x = " + b"-" * 20000 + b"1;",
    b"x = " + b"!" * 20000 + b"1;",
    b"x = a" + b"[0]" * 20000 + b";",
    b"x = " + b"[" * 20000,
    b"if (1) " * 20000,
    b"a = " * 20000 + b"1;",
    b"@f() {" * 5000 + b"}" * 5000,
    b"while (1) {" * 40 + b"}" * 40,
]
WORDS = """
a B 1 0x1F 2.5 's' "t" nil true [ ] ( ) { } ; , : . = += + - * / < == && || ! ~ & ++ -- @ $
if else fi while for switch case default break continue return goto #A /* */
"""
LINES = [b"\n", b"#define A 1\n", b"#if A\n", b"#else\n", b"#endif\n", b"//c\n", b"\0", b"\xff"]
PIECES = [word.encode() for word in WORDS.split()] + LINES
QUICK = settings(
    derandomize=True,
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def refused(text: bytes) -> CompileError | None:
    """Return the error of a text, None if it is a program."""
    try:
        compile_text(text, "fuzz.m")
    except CompileError as error:
        return error
    return None


@pytest.mark.parametrize("text", TOO_DEEP, ids=lambda text: text[:8].decode())
def test_nesting_too_deep_is_an_error(text: bytes) -> None:
    error = refused(text)

    assert error is not None
    assert (error.file, error.line) == ("fuzz.m", 1)
    assert "Nested too deep." in error.report


def test_reasonable_nesting_and_long_sums_are_programs() -> None:
    assert refused(b"x = " + b"(" * 200 + b"1" + b")" * 200 + b";") is None
    assert refused(b"a = 1; x = a" + b" + a" * 500 + b";") is None
    assert refused(b"x = 'a'" + b" + 'b'" * 500 + b";") is None


def test_a_script_of_many_megabytes_is_refused_quickly() -> None:
    error = refused(b"x = 1;\n" * 1_500_000)

    assert error is not None
    assert error.reason == f"Program is too long, at most {MAX_BYTES} bytes."


def test_macros_cannot_grow_without_bound() -> None:
    lines = [b"#define A " + b"1+" * 50]
    lines += [b"#define %c %s" % (c, b"#%c " % (c - 1) * 50) for c in b"BCDE"]
    error = refused(b"\n".join([*lines, b"x = #E 1;"]))

    assert error is not None
    assert "Program is too long." in error.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"x = 1;\0", 'Invalid character. "\0"'),
        (b"x = 'abc", "Invalid end of file."),
        (b'x = "abc', "Invalid end of file."),
        (b'x = "a\\q";', 'Invalid character. "a"'),
        (b"\xff\xfex\0", 'Invalid character. "\xff"'),
        (b"\xe9 = 1;", 'Invalid character. "\xe9"'),
        (b"#define A #B\n#define B #A\n#A", 'Macro infinite loop. "A"'),
        (b"#NOPE", 'Unknown macro. "NOPE"'),
        (b"#if\n", "Invalid end of line."),
        (b"#define", "Invalid end of file."),
        (b"#undef ?", "Invalid character."),
        (b"#include 'x'", "Invalid character."),
        (b"#if A-B\n#endif", 'Invalid character. "A"'),
        (b"x = 0.5a;", 'Invalid octal number. "0.5a"'),
        (b"x = 1a.5;", 'Invalid decimal. "1a.5"'),
        (b"x = 0.5.1;", 'Invalid floating number. "0.5.1"'),
        (b"#else\n", "Invalid macro."),
        (b'#include "/nowhere/at/all.m"', 'Invalid file path. "/nowhere/at/all.m"'),
        (b'#include "/dev/zero"', 'Invalid file path. "/dev/zero"'),
    ],
)
def test_what_cannot_be_cut_into_tokens_says_why(text: bytes, reason: str) -> None:
    error = refused(text)

    assert error is not None
    assert error.reason == reason


def test_an_include_loop_is_found(tmp_path: Path) -> None:
    script = tmp_path / "loop.m"
    script.write_text('#include "@/loop.m"\n')

    with pytest.raises(CompileError, match="File infinite loop"):
        compile_file(str(script))


def test_a_file_that_cannot_be_read_is_an_error_without_line(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as raised:
        compile_file(str(tmp_path / "none.m"))

    assert (raised.value.line, raised.value.reason) == (0, "No such file or directory")


def test_an_error_quotes_file_line_and_reason() -> None:
    error = refused(b"x = 1;\ny = ;\n")

    assert error is not None
    assert (error.file, error.line) == ("fuzz.m", 2)
    assert error.reason == "Parse Error: Illegal token nearby ';'."


@QUICK
@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_any_sequence_of_tokens_is_a_program_or_an_error(pieces: list[bytes]) -> None:
    error = refused(b" ".join(pieces))

    assert error is None or error.reason


@QUICK
@given(st.binary(max_size=80))
def test_any_bytes_are_a_program_or_an_error(text: bytes) -> None:
    error = refused(text)

    assert error is None or error.reason


NAMES = st.sampled_from(["a", "b", "c", "C", "f", "F", "i"])
ATOMS = st.one_of(
    NAMES,
    st.integers(-(2**63), 2**64).map(str),
    st.sampled_from(["1.5", "''", "'7x'", "nil", "true", "[1, 2]", "$S", "[]"]),
)
SIGNS = "+ - * / % << >> & | ^ < <= > >= == != && || = += -= %= *="
OPERATORS = st.sampled_from(SIGNS.split(" "))
HOOKED = """
plus sub mul div mod lmov rmov cor cand cxor equal nonequal lt le gt ge negative reverse index
property not
"""
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, OPERATORS, inner).map(lambda part: f"({part[0]}) {part[1]} ({part[2]})"),
        st.tuples(st.sampled_from(["-", "~", "!", "++", "--"]), inner).map(
            lambda part: f"{part[0]}({part[1]})"
        ),
        st.tuples(NAMES, inner).map(lambda part: f"{part[0]}({part[1]})"),
        st.tuples(NAMES, inner).map(lambda part: f"{part[0]}[{part[1]}]"),
        NAMES.map(lambda name: f"{name}.p"),
        NAMES.map(lambda name: f"{name}++"),
    ),
    max_leaves=8,
)


@QUICK
@given(st.lists(EXPRESSIONS, min_size=1, max_size=6))
def test_the_fast_paths_compute_what_the_slow_ones_do(expressions: list[str]) -> None:
    """A program that names the hooks of all operators is compiled without fast paths."""
    hooks = "hooks = [" + ", ".join(f"'__int_{name}_operator__'" for name in HOOKED.split()) + "]; "
    start = "sys = Import('sys'); S { p; } @f(&x, y) { x = y; return x; } @F(n) { return n; } "
    start += "@g(a, b) { C = [1, 2, 3]; i = 1; c = 5; for (n = 0; n < 3; ++n) { "
    body = "".join(f"i = i * 3 + {i}; sys.print({part});" for i, part in enumerate(expressions))
    script = (
        "Sys = Import('sys');"
        + (start + body).replace("sys.", "Sys.")
        + "i -= n; c += n * c; } Sys.print(c); } g(2, '5'); g(2.5, 4); g(nil, 1);"
    )

    assert output_of(script) == output_of(hooks + script)


@QUICK
@given(st.lists(EXPRESSIONS, min_size=1, max_size=6))
def test_no_expression_ends_in_an_error_of_python(expressions: list[str]) -> None:
    """An `Internal error` is what a mistake of the compiler looks like to a script."""
    start = "S { p; } a = 3; b = 'x'; C = [1]; @f(&x, y) { x = y; return x; } @F(n) { C = n; } "
    body = "".join(f"{expression};\n" for expression in expressions)

    lines = output_of(start + body + f"@g(a) {{ {body} }} g(1);")

    assert not any("Internal error" in line for line in lines)
