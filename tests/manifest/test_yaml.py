from __future__ import annotations

from pathlib import Path

import pytest

from proctor.manifest.layers import Source
from proctor.manifest.manifest import load

from .support import faults, write

pytest.importorskip("yaml")

TEXT = """\
    defaults: &common
      nice: 1
    tasks:
      web:
        <<: *common
        cmd: |
          exec sleep 9
        env: {PORT: "80"}
      job:
        type: cron
        cmd: ["true"]
    """


def test_yaml_says_the_same_as_toml_and_has_lines_too(tmp_path: Path) -> None:
    file = write(tmp_path, TEXT.replace('["true"]', '"true"'), "proctor.yaml")

    tasks = load(file).tasks

    assert tasks["web"].values["cmd"] == "exec sleep 9\n"
    assert tasks["web"].leaves[("env", "PORT")].source == Source("tasks.web", file, 8)
    assert tasks["web"].values["nice"] == 1
    assert tasks["job"].values["type"] == "cron"


def yaml_faults(folder: Path, text: str) -> list[str]:
    return faults(folder, text, name="proctor.yml")


def test_keys_that_yaml_takes_for_something_else_are_refused(tmp_path: Path) -> None:
    said = yaml_faults(tmp_path, "tasks:\n  on: {cmd: x}")

    assert said == ["proctor.yml:2: `on` is not text to YAML (write it in quotes)"]


def test_a_key_that_comes_twice_is_refused(tmp_path: Path) -> None:
    said = yaml_faults(tmp_path, "tasks:\n  a: {cmd: x}\n  a: {cmd: y}")

    assert said == ["proctor.yml:3: `a` is on line 2 already"]


def test_an_alias_of_what_encloses_it_ends(tmp_path: Path) -> None:
    said = yaml_faults(tmp_path, "tasks: &t\n  a: *t")

    assert said == ["proctor.yml:1: an alias refers to what encloses it"]


@pytest.mark.parametrize(
    "text", ["tasks: [", "a: b: c", "a:\n\t- b", "--- 1\n--- 2", "- a", "!x {}"]
)
def test_what_is_no_yaml_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    said = yaml_faults(tmp_path, text)

    assert len(said) == 1
    assert said[0].startswith("proctor.yml:")


def test_an_empty_file_has_no_tasks(tmp_path: Path) -> None:
    assert load(write(tmp_path, "# nothing\n", "proctor.yaml")).tasks == {}
