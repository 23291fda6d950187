"""Which files a watch means, and what a change of one starts again."""

import pytest

from proctor.core.spec import Dep, Schedule, TaskType, Watch
from proctor.core.watching import concerns, passes

from .life import FAILED, OK


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/srv/app.py", True),
        ("/srv/lib/deep/x.py", True),
        ("/srv/app.txt", False),
        ("/srv/build/x.py", False),
        ("/srv/lib/build/x.py", False),
        ("/other/app.py", False),
        ("/srvx/app.py", False),
    ],
)
def test_patterns_fit_the_path_below_the_folder_or_any_part_of_it(path, counts):
    watch = Watch(("/srv",), include=("*.py",), exclude=("build",))

    assert concerns(watch, path) is counts


def test_a_pattern_with_a_slash_fits_the_path_below_the_folder():
    watch = Watch(("/srv",), include=("etc/*.conf",))

    assert concerns(watch, "/srv/etc/a.conf")
    assert not concerns(watch, "/srv/a.conf")


def test_a_watched_file_is_one_whatever_lies_beside_it():
    watch = Watch(("/etc/app.conf",))

    assert concerns(watch, "/etc/app.conf")
    assert not concerns(watch, "/etc/other.conf")


@pytest.mark.parametrize(
    "path", ["a.py~", ".a.py.swp", "4913", ".#a.py", "#a.py#", ".git/index", "__pycache__/a.pyc"]
)
def test_what_editors_and_tools_write_does_not_count(path):
    assert not concerns(Watch(("/srv",)), f"/srv/{path}")


def test_folders_are_entered_unless_they_are_excluded_whatever_is_included():
    watch = Watch(("/srv",), include=("*.py",), exclude=("node_modules",))

    assert passes(watch, "/srv/lib")
    assert not passes(watch, "/srv/lib/node_modules")
    assert not passes(watch, "/srv/.git")


# What it starts again.

WATCH = Watch(("/srv",))


def changed(life, name):
    return life.ask("files_changed", name, "changed: /srv/a")


def test_what_runs_is_restarted_and_says_why(life):
    life.all_up(life.add("web", replicas=2, watch=WATCH))

    stopping = changed(life, "web")

    assert [str(c.id) for c in stopping] == ["web:0", "web:1"]
    assert life.replica("web").reason == "changed: /srv/a"
    life.all_up([*life.ends("web", 0), *life.ends("web", 1)])
    assert {life.runs[life.replica("web", i).run].trigger for i in (0, 1)} == {"watch"}


def test_a_job_that_has_ended_runs_again_and_one_that_failed_gets_another_try(life):
    life.all_up(life.add("build", TaskType.ONCE, watch=WATCH))
    life.ends("build", exit=OK)
    life.all_up(life.add("test", TaskType.ONCE, watch=WATCH))
    life.ends("test", exit=FAILED)

    assert [str(c.id) for c in changed(life, "build")] == ["build:0"]
    assert [str(c.id) for c in changed(life, "test")] == ["test:0"]


def test_what_somebody_stopped_or_never_started_stays_down(life):
    life.all_up(life.add("web", watch=WATCH))
    life.ask("stop", life.world.ids_of("web"))
    life.ends("web")
    life.add("off", watch=WATCH, enabled=False)
    life.add("tick", TaskType.CRON, watch=WATCH, schedule=Schedule("* * * * *"))

    assert [changed(life, name) for name in ("web", "off", "tick")] == [[], [], []]


@pytest.mark.parametrize("cascade", [True, False])
def test_dependents_are_restarted_if_so_asked_for(life, cascade):
    life.all_up(life.add("db", watch=Watch(("/srv",), cascade=cascade)))
    life.all_up(life.add("api", deps=(Dep("db"),)))
    life.all_up(life.add("web", deps=(Dep("api"),)))

    stopped = [str(c.id) for c in changed(life, "db")]

    assert stopped == (["db:0", "api:0", "web:0"] if cascade else ["db:0"])
