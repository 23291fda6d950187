from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from proctor.manifest.layers import Leaf, Leaves, Source, overlay, tree

from .support import faults, loaded, write


def test_a_task_is_a_table_and_little_has_to_be_said(tmp_path: Path) -> None:
    manifest = loaded(tmp_path, '[tasks.web]\ncmd = "sleep 9"')

    assert manifest.tasks["web"].values == {
        "type": "daemon",
        "replica": 1,
        "cwd": str(tmp_path),
        "cmd": "sleep 9",
    }


def test_what_is_nearer_to_the_task_is_stronger(tmp_path: Path) -> None:
    text = """
        [defaults]
        interval = 1
        nice = 1
        stop_timeout = 1
        env = { A = "defaults", B = "defaults", C = "defaults" }
        [templates.app]
        nice = 2
        stop_timeout = 2
        env.B = "template"
        [tasks.web]
        template = "app"
        cmd = "x"
        stop_timeout = 3
        env.C = "task"
        """

    values = loaded(tmp_path, text).tasks["web"].values

    assert (values["interval"], values["nice"], values["stop_timeout"]) == (1, 2, 3)
    assert values["env"] == {"A": "defaults", "B": "template", "C": "task"}


def test_templates_are_made_from_templates_and_the_last_is_the_strongest(tmp_path: Path) -> None:
    text = """
        templates.base = { nice = 1, interval = 1, umask = "022" }
        templates.mid = { template = "base", nice = 2, interval = 2 }
        templates.top = { nice = 3 }
        tasks.web = { template = ["mid", "top"], cmd = "x" }
        """

    values = loaded(tmp_path, text).tasks["web"].values

    assert (values["nice"], values["interval"], values["umask"]) == (3, 2, "022")


PROFILES = """
    [defaults]
    interval = 1
    [tasks.web]
    cmd = "serve"
    replica = 2
    [profiles.prod.defaults]
    interval = 5
    replica = 7
    [profiles.prod.tasks.web]
    env.MODE = "prod"
    [profiles.dev.tasks.mail]
    cmd = "fake-mail"
    """


def test_a_profile_adds_tasks_and_changes_them(tmp_path: Path) -> None:
    plain = loaded(tmp_path, PROFILES)
    prod = loaded(tmp_path, PROFILES, ["prod"])
    both = loaded(tmp_path, PROFILES, ["prod", "dev"])

    assert list(plain.tasks) == ["web"]
    assert plain.tasks["web"].values["interval"] == 1
    assert prod.tasks["web"].values["env"] == {"MODE": "prod"}
    assert prod.tasks["web"].values["interval"] == 5
    assert list(both.tasks) == ["web", "mail"]


def test_a_profiles_default_does_not_beat_what_the_task_says(tmp_path: Path) -> None:
    prod = loaded(tmp_path, PROFILES, ["prod"])

    assert prod.tasks["web"].values["replica"] == 2


def test_every_value_has_the_file_the_line_and_the_table_it_is_from(tmp_path: Path) -> None:
    file = write(tmp_path, PROFILES)

    leaves = loaded(tmp_path, PROFILES, ["prod"]).tasks["web"].leaves

    assert leaves[("interval",)].source == Source("profiles.prod.defaults", file, 8)
    assert leaves[("replica",)].source == Source("tasks.web", file, 6)
    assert leaves[("env", "MODE")].source == Source("profiles.prod.tasks.web", file, 11)
    assert str(leaves[("type",)].source) == "default"
    assert str(leaves[("replica",)].source) == f"{file}:6 [tasks.web]"


def test_paths_are_relative_to_the_file_they_are_written_in(tmp_path: Path) -> None:
    write(tmp_path, '[tasks.a]\ncmd = "x"\ncwd = "../srv"', "conf.d/a.toml")

    tasks = loaded(tmp_path, 'include = "conf.d/*.toml"\n[tasks.b]\ncmd = "x"').tasks

    assert tasks["a"].values["cwd"] == str(tmp_path / "srv")
    assert tasks["b"].values["cwd"] == str(tmp_path)


def test_what_includes_is_stronger_than_what_is_included(tmp_path: Path) -> None:
    write(tmp_path, '[tasks.a]\ncmd = "one"\nnice = 1\ninterval = 1', "conf.d/1.toml")
    write(tmp_path, '[tasks.a]\ncmd = "two"\nnice = 2', "conf.d/2.toml")

    tasks = loaded(tmp_path, 'include = ["conf.d/*"]\n[tasks.a]\ncmd = "three"').tasks

    assert {"cmd": "three", "nice": 2, "interval": 1}.items() <= tasks["a"].values.items()


def test_files_that_include_each_other_are_read_once(tmp_path: Path) -> None:
    write(tmp_path, 'include = "proctor.toml"\n[tasks.b]\ncmd = "x"', "b.toml")

    assert list(loaded(tmp_path, 'include = "b.toml"\n[tasks.a]\ncmd = "x"').tasks) == ["b", "a"]


def test_an_unknown_key_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    text = """\
        [default]
        [tasks.web]
        cmd = "x"
        replicas = 2
        [templates.unused]
        comand = "x"
        [profiles.prod.tasks.web]
        stop_timeot = 3
        [profiles.prod.task]
        """

    said = faults(tmp_path, text)

    assert said[0].startswith("proctor.toml:1: default: there is no such table (did you mean")
    assert "proctor.toml:4: tasks.web.replicas: there is no such field" in said[2]
    assert "did you mean `replica`" in said[2]
    assert said[1].startswith("proctor.toml:6: templates.unused.comand: ")
    assert said[3].startswith("proctor.toml:8: profiles.prod.tasks.web.stop_timeot: ")
    assert said[3].endswith("(did you mean `stop_timeout`?)")
    assert said[4].startswith("proctor.toml:9: profiles.prod.task: ")
    assert len(said) == 5


def test_a_wrong_value_is_said_where_it_is_written(tmp_path: Path) -> None:
    text = """\
        [defaults]
        nice = 50
        [tasks.web]
        cmd = "x"
        [tasks.db]
        cmd = "x"
        nice = 1
        env = { PORT = 5432 }
        """

    said = faults(tmp_path, text)

    assert said == [
        "proctor.toml:2: tasks.web.nice: expected `int` <= 19 (from [defaults])",
        "proctor.toml:8: tasks.db.env: expected `str`, got `int` (write it in quotes)",
    ]


def test_a_task_without_a_command_is_incomplete(tmp_path: Path) -> None:
    assert faults(tmp_path, "[tasks.web]\nnice = 1") == ["proctor.toml:1: tasks.web.cmd: missing"]


def test_a_name_is_checked_and_is_no_field(tmp_path: Path) -> None:
    said = faults(tmp_path, '[tasks.web]\ncmd = "x"\nname = "y"')
    bad = faults(tmp_path, '[tasks."a b"]\ncmd = "x"')

    assert said == [
        "proctor.toml:3: tasks.web.name: a task's name is that of its table: [tasks.NAME]"
    ]
    assert bad[0].startswith("proctor.toml:1: tasks.a b.name: expected 1 to 128 letters")


def test_templates_and_profiles_that_do_not_exist_are_named(tmp_path: Path) -> None:
    text = '[templates.worker]\n[profiles.prod]\n[tasks.web]\ncmd = "x"\ntemplate = "workr"'

    said = faults(tmp_path, text, ["prd"])

    assert said == [
        "proctor.toml: profiles: no profile `prd` (did you mean `prod`?)",
        "proctor.toml:5: tasks.web.template: no template `workr` (did you mean `worker`?)",
    ]


def test_templates_that_go_round_are_spelled_out(tmp_path: Path) -> None:
    text = """\
        templates.a.template = "b"
        templates.b.template = "a"
        tasks.web = { cmd = "x", template = "a" }
        """

    assert faults(tmp_path, text) == [
        "proctor.toml:2: templates.b.template: templates go round in a circle: a -> b -> a"
    ]


def test_what_is_no_table_is_told_from_one(tmp_path: Path) -> None:
    said = faults(tmp_path, 'defaults = 3\ntasks.web = "sleep 1"\nprofiles = []')

    assert said == [
        "proctor.toml:1: defaults: expected a table, got a number",
        "proctor.toml:2: tasks.web: expected a table, got text",
        "proctor.toml:3: profiles: expected a table, got a list",
    ]


def test_a_file_that_is_not_there_or_no_toml_is_named(tmp_path: Path) -> None:
    assert faults(tmp_path, "include = 'no.toml'") == ["no.toml: No such file or directory"]
    assert faults(tmp_path, "a = 1\nb = ?") == [
        "proctor.toml:2: not TOML: Invalid value (column 5)"
    ]


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)
LAYERS = st.dictionaries(PATHS, st.integers() | st.just({}), max_size=6)


def consistent(values: dict[tuple[str, ...], object]) -> Leaves:
    """Keep of the paths only those that one table can have."""
    layer: Leaves = {}
    for path, value in values.items():
        if not any(path[:n] in values for n in range(1, len(path))):
            layer[path] = Leaf(value, Source("x"))
    return layer


def merged(lower: object, upper: object) -> object:
    """Say what overlaying means, on nested tables."""
    if not isinstance(lower, dict) or not isinstance(upper, dict):
        return upper
    return {
        key: merged(lower[key], upper[key])
        if key in lower and key in upper
        else upper.get(key, lower.get(key))
        for key in [*lower, *upper]
    }


@given(LAYERS, LAYERS)
def test_overlaying_flat_values_is_merging_tables(
    lower: dict[tuple[str, ...], object], upper: dict[tuple[str, ...], object]
) -> None:
    one, two = consistent(lower), consistent(upper)

    assert tree(overlay([one, two])) == merged(tree(one), tree(two))


def test_a_task_with_a_schedule_need_not_say_that_it_is_scheduled(tmp_path: Path) -> None:
    manifest = loaded(
        tmp_path,
        '[tasks.a]\ncmd = "x"\ncron = "* * * * *"\n'
        '[tasks.b]\ncmd = "x"\ntype = "python"\ncron = "* * * * *"\n[tasks.c]\ncmd = "x"\n',
    )

    types = {name: entry.values["type"] for name, entry in manifest.tasks.items()}
    assert types == {"a": "cron", "b": "python", "c": "daemon"}


def test_what_a_dependency_looks_like_is_said_in_words(tmp_path: Path) -> None:
    (said,) = faults(tmp_path, '[tasks.web]\ncmd = "x"\ndeps = ["db:ready"]')

    assert said == (
        "proctor.toml:3: tasks.web.deps: expected a list of task names, or of objects "
        '({"task": "db", "until": "ready"})'
    )
