from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proctor.manifest.positions import Path, line_of, toml_lines

TEXT = '''\
# the first line
include = [
  "a.toml",  # [not.a.table]
  "b.toml",
]

[tasks.web]
cmd = """
[tasks.fake]
cmd = 1
"""
env = { A = "1", "B.C" = "}" }
readiness.http = 'http://#'

[tasks."odd name"]
cmd = ["x", """y
""", "z"]
[[list]]
a = 1
[[list]]
a = 2
[list.inner]
b = 3
'''


def test_each_key_has_the_line_it_stands_on() -> None:
    lines = toml_lines(TEXT)

    assert lines[("include",)] == 2
    assert lines[("include", 1)] == 4
    assert lines[("tasks", "web")] == 7
    assert lines[("tasks", "web", "cmd")] == 8
    assert lines[("tasks", "web", "env", "B.C")] == 12
    assert lines[("tasks", "web", "readiness", "http")] == 13
    assert lines[("tasks", "odd name", "cmd", 2)] == 17
    assert lines[("list", 0, "a")] == 19
    assert lines[("list", 1, "a")] == 21
    assert lines[("list", 1, "inner", "b")] == 23
    assert ("tasks", "fake") not in lines


def test_what_has_no_line_has_the_one_of_what_encloses_it() -> None:
    lines = toml_lines(TEXT)

    assert line_of(lines, ("tasks", "web", "cmd", "x")) == 8
    assert line_of(lines, ("nothing",)) is None


def paths(value: Any, at: Path = ()) -> set[Path]:
    if isinstance(value, dict):
        return {p for k, v in value.items() for p in {(*at, k), *paths(v, (*at, k))}}
    if isinstance(value, list):
        return {p for n, v in enumerate(value) for p in {(*at, n), *paths(v, (*at, n))}}
    return set()


KEYS = st.sampled_from(["a", "b-c", '"d e"', "'f.g'", '"h\\"]"'])
STRINGS = st.sampled_from(
    [
        "1",
        '"]}"',
        "'a#b'",
        '"""\n"x"\n[y]\n"""',
        "'''\nz = 1\n''''",
        "1979-05-27T07:32:00Z",
        '""""""',
    ]
)
VALUES = st.recursive(
    STRINGS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: "[ # [\n" + ",\n".join(v) + "\n]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda v: "{ " + ", ".join(f"{key} = {value}" for key, value in v.items()) + " }"
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=4))
def test_it_finds_the_keys_that_the_parser_finds(tables: dict[str, dict[str, str]]) -> None:
    text = "".join(
        f"[{name}] # =\n" + "".join(f"{key} = {value}\n\n" for key, value in table.items())
        for name, table in tables.items()
    )

    lines = toml_lines(text)

    assert set(lines) == paths(tomllib.loads(text))
    assert all(0 < line <= text.count("\n") for line in lines.values())
