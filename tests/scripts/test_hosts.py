"""Which host a script needs, and that the world has it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from proctor.core.hosts import has_own_host, host_of, host_spec, shown_deps, with_host
from proctor.core.model import Now
from proctor.core.spec import Dep, Limits, Spec, TaskType, Until
from proctor.core.world import World
from proctor.scripts.hosts import Hosts

MELANG = Spec("task", TaskType.MELANG, "a.m")
PYTHON = Spec("task", TaskType.PYTHON, "a.py")
NOW = Now(1.0, 2.0)


@pytest.mark.parametrize(
    ("spec", "fields", "host"),
    [
        (MELANG, {}, "@melang"),
        (MELANG, {"isolate": True}, "@melang.task"),
        (MELANG, {"env": {"A": "b"}}, "@melang"),
        (MELANG, {"user": "guest"}, "@melang.task"),
        (MELANG, {"cwd": "/tmp"}, "@melang.task"),
        (MELANG, {"limits": Limits(memory_max=1)}, "@melang.task"),
        (MELANG, {"inherit_env": False}, "@melang.task"),
        (PYTHON, {}, "@python"),
        (PYTHON, {"env": {"A": "b"}}, "@python.task"),
        (PYTHON, {"env_files": ("/a",)}, "@python.task"),
        (Spec("task", TaskType.DAEMON, "true"), {"isolate": True}, None),
    ],
)
def test_what_only_a_process_can_have_takes_a_host_of_its_own(
    spec: Spec, fields: dict[str, Any], host: str | None
) -> None:
    assert host_of(replace(spec, **fields)) == host


def test_an_interpreter_has_a_host_for_all_who_name_it() -> None:
    one = replace(PYTHON, interpreter="/a/python")
    same = replace(one, name="other")

    assert host_of(one) == host_of(same) != host_of(PYTHON)
    assert not has_own_host(one)


def test_the_dependency_on_the_host_is_added_once_and_not_shown() -> None:
    spec = with_host(with_host(replace(MELANG, deps=(Dep("db"),))))

    assert spec.deps == (Dep("db"), Dep("@melang", Until.READY))
    assert shown_deps(spec) == (Dep("db"),)
    assert with_host(replace(spec, type=TaskType.ONCE)).deps == (Dep("db"),)


def test_a_host_of_its_own_is_as_the_task_says() -> None:
    spec = replace(MELANG, user="guest", nice=5, limits=Limits(memory_max=100), env={"A": "b"})

    host = host_spec(spec, ("host",))

    assert (host.user, host.nice, host.env) == ("guest", 5, {"A": "b"})
    assert host.rlimits == {"data": (100, 100)}
    assert host_spec(MELANG, ("host",)).rlimits == {}


def world() -> tuple[World, Hosts]:
    world = World(lambda spec, after: None)
    return world, Hosts(world, lambda spec: ("host",))


def add(world: World, hosts: Hosts, spec: Spec) -> None:
    hosts.need(spec, NOW)
    world.put(world.new_task(with_host(spec), NOW), NOW)
    settle(world, hosts)


def settle(world: World, hosts: Hosts) -> None:
    world.settle(NOW)
    while hosts.tend(world.take()[0], NOW):
        world.settle(NOW)


def test_the_host_is_there_as_long_as_a_script_is() -> None:
    w, hosts = world()
    add(w, hosts, MELANG)
    add(w, hosts, replace(MELANG, name="other"))

    w.remove("task", NOW)
    settle(w, hosts)
    assert "@melang" in w.tasks

    w.remove("other", NOW)
    settle(w, hosts)
    assert w.tasks["@melang"].removing  # It still runs, or is about to.


def test_a_host_that_just_goes_is_made_anew_for_a_script_that_comes() -> None:
    from proctor.core.events import Lost

    w, hosts = world()
    add(w, hosts, MELANG)
    w.remove("task", NOW)
    settle(w, hosts)
    (id,) = [r.id for r in w.replicas_of("@melang")]
    run = w.replicas[id].run
    add(w, hosts, MELANG)
    assert w.tasks["@melang"].removing

    w.handle(Lost(id, run), NOW)
    settle(w, hosts)

    assert not w.tasks["@melang"].removing
    assert [r.run > run for r in w.replicas_of("@melang")] == [True]


def test_hosts_are_found_again_when_the_world_is_restored() -> None:
    before, hosts = world()
    add(before, hosts, MELANG)
    saved = [(task, before.replicas_of(name)) for name, task in before.tasks.items()]
    orphan = [pair for pair in saved if pair[0].spec.name == "task"]

    after, again = world()
    for task, replicas in orphan:
        after.restore(task, replicas, NOW, late=False)
    again.restored(NOW)

    assert after.tasks["@melang"].spec == before.tasks["@melang"].spec
    after.remove("task", NOW)
    settle(after, again)
    assert "@melang" not in after.tasks or after.tasks["@melang"].removing


def test_a_host_that_was_saved_is_started_as_hosts_are_today() -> None:
    w, hosts = world()
    add(w, hosts, MELANG)
    specs = {name: task.spec for name, task in w.tasks.items()}
    today = Hosts(w, lambda spec: ("other",))

    assert today.renewed(w.tasks["@melang"], specs).spec.cmd == ("other",)
    assert today.renewed(w.tasks["task"], specs) is w.tasks["task"]
