from __future__ import annotations

from pathlib import Path

import pytest

from proctor import serving
from proctor.cli.serve import command


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--port", "0", "--host=::1"],
        ["--state-dir", "/tmp/x y", "--insecure", "--unix-socket", "none"],
        ["--config=a=b.toml", "--token-file", "--insecure"],
        ["--port", "1", "--port", "2"],
    ],
)
def test_options_mean_what_they_mean_to_click(arguments: list[str]) -> None:
    context = command.make_context("serve", list(arguments))
    by_click = {name: value for name, value in context.params.items() if value is not None}

    assert serving.parse(arguments) == by_click


@pytest.mark.parametrize(
    "arguments",
    [["--bogus"], ["--port"], ["--port", "x"], ["--insecure=1"], ["web"], ["-p", "1"], ["--"]],
)
def test_what_is_not_as_it_should_be_is_left_to_click(arguments: list[str]) -> None:
    assert serving.parse(arguments) is None


def test_every_option_is_a_setting_or_the_file_of_them() -> None:
    from proctor.config import Settings

    given = serving.parse(["--config", "x.toml", "--port", "1", "--state-dir", "/x"])

    assert given == {"config": Path("x.toml"), "port": 1, "state_dir": "/x"}
    names = {option.name.replace("-", "_") for option in serving.OPTIONS} - {"config"}
    assert names <= set(Settings.__struct_fields__)
