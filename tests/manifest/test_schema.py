from __future__ import annotations

from pathlib import Path

import pytest

from proctor.manifest.manifest import load
from proctor.manifest.schema import json_schema, schema_text

from .support import write

jsonschema = pytest.importorskip("jsonschema")
DOCUMENT = Path(__file__).parents[2] / "docs" / "proctor.schema.json"

FILE = """\
    include = ["conf.d/*.toml"]
    [defaults]
    env_files = [".env"]
    stop_timeout = 5
    [templates.app]
    restart = { factor = 2, cap = 60, limit = 6 }
    readiness = { http = "http://127.0.0.1:8080/", period = 2 }
    [tasks.web]
    template = "app"
    cmd = ["./server", "--port", "8080"]
    cwd = "server"
    replica = 2
    deps = ["db", { task = "cache", until = "ready", required = false }]
    rlimits = { nofile = 4096, core = [0, 0] }
    limits = { memory_max = "512M", cpu = 0.5 }
    watch = { paths = ["server"], include = ["*.py"] }
    [tasks.backup]
    type = "cron"
    cron = "30 2 * * *"
    timezone = "Europe/Riga"
    cmd = "backup"
    timeout = 3600
    """


def test_the_published_schema_is_the_one_of_the_structs() -> None:
    hint = "run: proctor config schema > docs/proctor.schema.json"

    assert DOCUMENT.read_text() == schema_text(), hint


def test_a_file_that_is_right_fits_the_schema(tmp_path: Path) -> None:
    import tomllib

    file = write(tmp_path, FILE)

    assert set(load(file).tasks) == {"web", "backup"}
    jsonschema.validate(tomllib.loads(file.read_text()), json_schema())


@pytest.mark.parametrize(
    "wrong",
    [
        {"readiness": {"htp": "x"}},
        {"restart": {"factor": "2"}},
        {"limits": {"memory": 1}},
        {"deps": [{"tsk": "db"}]},
        {"replica": 0},
        {"stop_signal": "NONE"},
    ],
)
def test_a_wrong_field_fits_neither_the_schema_nor_the_program(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    import json

    task = {"cmd": "x", **wrong}
    file = write(tmp_path, json.dumps({"tasks": {"web": task}}), "proctor.yaml")

    assert not jsonschema.Draft202012Validator(json_schema()).is_valid({"tasks": {"web": task}})
    with pytest.raises(Exception, match=r"proctor.yaml:1: tasks\.web"):
        load(file)
