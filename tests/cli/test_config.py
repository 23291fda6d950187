from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proctor.cli import cli
from proctor.manifest.schema import json_schema, schema_text
from tests.manifest.support import write

jsonschema = pytest.importorskip("jsonschema")

TEXT = """\
    defaults.env = { TOKEN = "hush", PORT = "80" }
    [tasks.web]
    cmd = "serve"
    replica = 2
    [tasks.db]
    cmd = "db"
    [profiles.prod.tasks.web]
    replica = 8
    """


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["config", *arguments])


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, TEXT)
    monkeypatch.chdir(tmp_path)


def test_show_prints_every_value_with_its_source(tmp_path: Path) -> None:
    result = run(tmp_path, "show", "web", "--profile", "prod")

    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert rows[0] == ["TASK", "FIELD", "VALUE", "SOURCE"]
    assert ["web", "replica", "8", "proctor.toml:8 [profiles.prod.tasks.web]"] in rows
    assert ["web", "cmd", '"serve"', "proctor.toml:3 [tasks.web]"] in rows
    assert ["web", "type", '"daemon"', "default"] in rows
    assert {row[0] for row in rows[1:]} == {"web"}


def test_show_answers_programs_too(tmp_path: Path) -> None:
    shown = json.loads(run(tmp_path, "show", "--json").stdout)

    assert list(shown) == ["web", "db"]
    source = "proctor.toml:1 [defaults]"
    assert {"field": "env.PORT", "value": "80", "source": source} in shown["db"]


def test_show_hides_what_the_service_would_hide(tmp_path: Path) -> None:
    write(tmp_path, TEXT + 'secret_env = ["PIN"]\n    env.PIN = "hush"\n')

    for more in ([], ["--json"]):
        result = run(tmp_path, "show", "--profile", "prod", *more)
        assert result.stdout.count("***") == 3
        assert "hush" not in result.stdout


def test_a_task_that_the_file_does_not_have_is_a_wrong_use(tmp_path: Path) -> None:
    result = run(tmp_path, "show", "wep")

    assert result.exit_code == 2
    assert "no task `wep` (did you mean `web`?)" in result.stderr


def test_check_says_all_that_is_wrong(tmp_path: Path) -> None:
    good = run(tmp_path, "check")
    write(tmp_path, "[tasks.a]\ncmd = 1\n[tasks.b]\nx = 1")
    bad = run(tmp_path, "check")

    assert good.exit_code == 0
    assert "2 tasks" in good.stdout
    assert bad.exit_code == 2
    assert "proctor.toml:4: tasks.b.x" in bad.stderr


def test_without_a_file_the_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")

    result = run(tmp_path, "check")

    assert result.exit_code == 2
    assert f"no proctor.toml, proctor.yaml or proctor.yml in {tmp_path / 'empty'}" in result.stderr


def test_the_schema_takes_right_files_and_refuses_wrong_ones(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.check_schema(json_schema())
    right = {
        "include": "a.toml",
        "defaults": {"env": {"A": "1"}, "cwd": "srv"},
        "templates": {"t": {"nice": 1, "template": ["u"]}},
        "tasks": {"web": {"cmd": "x", "template": "t"}},
        "profiles": {"prod": {"tasks": {"web": {"replica": 2}}}},
    }

    assert run(tmp_path, "schema").stdout == schema_text()
    assert validator.is_valid(right)
    assert not validator.is_valid({"tasks": {"web": {"comand": "x"}}})
    assert not validator.is_valid({"tasks": {"web": {"name": "web", "cmd": "x"}}})
    assert not validator.is_valid({"task": {}})
    assert not validator.is_valid({"tasks": {"a b": {"cmd": "x"}}})
