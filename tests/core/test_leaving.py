"""Several tasks stopped at once: dependents end first, in parallel what may."""

import pytest
from msgspec.structs import replace

from proctor.core.model import ReplicaId, State
from proctor.core.spec import Dep, RestartPolicy, RestartWhen
from proctor.core.statement import statement

from .life import FAILED, KILLED, ended


def chain(life):
    """db <- (api <- web, job): all up."""
    life.all_up(life.add("db"))
    life.all_up(life.add("api", deps=(Dep("db"),)))
    life.all_up(life.add("job", deps=(Dep("db"),)))
    life.all_up(life.add("web", deps=(Dep("api"),)))
    return [ReplicaId(name, 0) for name in ("db", "api", "job", "web")]


def test_dependents_end_first(life):
    assert sorted(ended(life.ask("stop", chain(life)))) == ["job:0", "web:0"]
    assert statement(life.world, "db").state == "stopping"

    assert ended(life.ends("job", exit=KILLED)) == []
    assert ended(life.ends("web", exit=KILLED)) == ["api:0"]
    assert ended(life.ends("api", exit=KILLED)) == ["db:0"]
    life.ends("db", exit=KILLED)
    assert {life.state(name) for name in ("db", "api", "job", "web")} == {State.DOWN}
    assert statement(life.world, "db").state == "stopped"


def test_a_next_manager_goes_on_in_order(life):
    life.ask("stop", chain(life))
    life.ends("job", exit=KILLED)
    life.next_manager()
    assert ended(life.ends("web", exit=KILLED)) == ["api:0"]
    life.next_manager()

    assert ended(life.ends("api", exit=KILLED)) == ["db:0"]


def test_who_is_started_again_meanwhile_holds_nobody_up(life):
    ids = chain(life)
    life.ask("stop", ids)
    life.ends("job", exit=KILLED)
    life.ask("start", ids[1:2], trigger="api")

    assert not life.task("api").leaving
    life.ends("web", exit=KILLED)
    assert ended(life.asked)[-1] == "db:0"
    assert life.state("api") is State.UP


def test_who_dies_before_its_turn_is_not_started_again(life):
    always = RestartPolicy(RestartWhen.ALWAYS)
    life.all_up(life.add("db", interval=0.0, restart_policy=always))
    life.all_up(life.add("web", deps=(Dep("db"),)))
    life.ask("stop", [ReplicaId("db", 0), ReplicaId("web", 0)])
    life.ends("db", exit=FAILED)

    assert (life.state("db"), life.task("db").leaving) == (State.DOWN, False)
    assert life.state("web") is State.STOPPING


def test_a_change_of_what_is_depended_on_lets_it_end(life):
    ids = chain(life)
    life.ask("stop", [ids[0], ids[2]])
    assert life.state("db") is State.UP

    commands = life.ask("update", replace(life.task("job").spec, deps=()))

    assert ended(commands) == ["db:0"]


@pytest.mark.parametrize("manager_dies", [False, True])
def test_what_is_removed_at_once_goes_in_order_too(life, manager_dies):
    ids = chain(life)
    life.ask("stop", ids)
    for id in ids:
        life.ask("remove", id.task)
    if manager_dies:
        life.next_manager()
    assert ended(life.ends("job", exit=KILLED)) == []
    assert ended(life.ends("web", exit=KILLED)) == ["api:0"]
    assert ended(life.ends("api", exit=KILLED)) == ["db:0"]
    life.ends("db", exit=KILLED)

    assert not life.world.tasks
