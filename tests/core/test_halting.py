"""Stopping everything, in order and in parallel; and what a next life makes of it."""

from proctor.core.commands import Signal
from proctor.core.events import Spawned
from proctor.core.halting import Halt
from proctor.core.model import Exit, State
from proctor.core.register import Register
from proctor.core.spec import Dep, RestartPolicy, RestartWhen, Schedule, TaskType, Until

from .life import FAILED, KILLED, ended, spawned, spawned_ids


def graph(life, **deps):
    """Bring up daemons that depend on each other as told."""
    for name, needed in deps.items():
        life.all_up(life.add(name, deps=tuple(Dep(dep, Until.STARTED) for dep in needed.split())))


def test_dependents_stop_before_what_they_depend_on(life):
    graph(life, a="", b="a", c="b")

    assert ended(life.ask("halt")) == ["c:0"]
    assert ended(life.ends("c", exit=KILLED)) == ["b:0"]
    assert ended(life.ends("b", exit=KILLED)) == ["a:0"]
    life.ends("a", exit=KILLED)
    assert life.world.idle


def test_what_the_graph_does_not_order_stops_side_by_side(life):
    graph(life, a="", b="a", c="a", d="b c", e="")

    assert ended(life.ask("halt")) == ["d:0", "e:0"]
    assert ended(life.ends("d", exit=KILLED)) == ["b:0", "c:0"]
    assert ended(life.ends("b", exit=KILLED)) == []
    assert ended(life.ends("c", exit=KILLED)) == ["a:0"]


def test_all_replicas_of_a_dependent_have_to_be_gone(life):
    life.all_up(life.add("a"))
    life.all_up(life.add("b", replicas=2, deps=(Dep("a"),)))
    life.ask("halt")

    assert ended(life.ends("b", 0, exit=KILLED)) == []
    assert ended(life.ends("b", 1, exit=KILLED)) == ["a:0"]


def test_what_is_dead_in_the_middle_is_no_obstacle_and_no_gap(life):
    graph(life, a="", b="a", c="b")
    life.ask("stop", life.world.ids_of("b"))
    life.ends("b", exit=KILLED)

    assert ended(life.ask("halt")) == ["c:0"]
    assert ended(life.ends("c", exit=KILLED)) == ["a:0"]


def test_what_a_process_leaves_behind_is_waited_for(life):
    graph(life, a="", b="a")
    life.ask("halt")

    assert ended(life.ends("b", exit=KILLED, left=True)) == []
    assert ended(life.gone("b")) == ["a:0"]


def test_who_is_being_started_is_ended_when_it_is_up(life):
    (spawn,) = life.add("a")
    assert life.ask("halt") == []
    commands = life.hear(Spawned(spawn.id, spawn.run, 9))

    assert [type(command) for command in commands] == [Signal]
    life.ends("a", exit=KILLED)
    assert life.world.idle


def test_who_was_stopping_is_not_told_twice(life):
    graph(life, a="")
    life.ask("stop", life.world.ids_of("a"))

    assert ended(life.ask("halt")) == []
    assert life.ask("halt") == []


def test_two_ways_to_need_the_same_task_count_once(life):
    life.all_up(life.add("a"))
    deps = (Dep("a"), Dep("a", Until.READY), Dep("ghost"))
    life.all_up(life.add("b", deps=deps))

    assert ended(life.ask("halt")) == ["b:0"]
    assert ended(life.ends("b", exit=KILLED)) == ["a:0"]


def test_nothing_begins_while_the_service_stops(life):
    graph(life, a="")
    life.all_up(life.add("loop", interval=1.0))
    life.ends("loop", exit=FAILED)
    life.all_up(life.add("job", TaskType.ONCE))
    life.add("after", deps=(Dep("job"),))
    life.ask("halt")
    life.ends("job")

    assert spawned(life.pass_time(10.0)) == []
    assert life.blockers("after") == ["the service is stopping"]
    life.ends("a", exit=KILLED)
    assert life.world.idle


def test_a_task_that_is_being_removed_is_forgotten_in_the_end(life):
    graph(life, a="", b="a")
    life.ask("remove", "b")
    life.ask("halt")
    commands = life.ends("b", exit=KILLED)

    assert "b" not in life.world.tasks
    assert ended(commands) == ["a:0"]


def test_a_slot_that_becomes_free_is_given_to_nobody(life):
    life.world.pools = {"io": 1}
    life.all_up(life.add("a", TaskType.ONCE, replicas=2, pool="io"))
    life.ask("halt")

    assert life.ends("a", exit=KILLED) == []


def test_the_next_life_goes_on_with_what_was_wanted(life):
    graph(life, a="", b="a")
    life.all_up(life.add("job", TaskType.ONCE))
    life.all_up(life.add("off"))
    life.ask("stop", life.world.ids_of("off"))
    life.ends("off", exit=KILLED)
    life.ask("halt")
    for name in ("b", "a", "job"):
        life.ends(name, exit=KILLED)
    commands = life.next_manager(late=False)

    assert spawned(commands) == ["a"]
    assert spawned(life.all_up(commands)) == ["b"]
    assert (life.state("job"), life.state("off")) == (State.DOWN, State.DOWN)
    assert life.replica("a").trigger == "restart"


def test_who_was_given_up_stays_so_in_the_next_life(life):
    life.all_up(life.add("web", TaskType.ONCE))
    life.ends("web", exit=FAILED)
    life.ask("halt")

    assert life.next_manager(late=False) == []


def test_a_halt_of_nothing_is_over_at_once():
    assert Halt(Register()).begin() == []


# Reboots.


def test_a_reboot_starts_what_was_wanted_and_counts_nothing_against_it(life):
    policy = RestartPolicy(RestartWhen.ALWAYS, limit=2, window=60.0)
    life.clock.mono = 1e6
    life.all_up(life.add("web", restart_policy=policy, interval=0.0))
    life.all_up(life.ends("web", exit=FAILED))
    assert len(life.replica("web").starts) == 2
    life.clock.mono = 20.0
    life.next_manager(late=False)
    life.ask("rebooted")

    assert life.state("web") is State.STARTING
    assert life.replica("web").starts == (20.0,)
    assert life.runs[2].exit == Exit(error="lost: the machine was restarted")
    assert life.replica("web").trigger == "reboot"


def test_a_job_that_a_reboot_ended_is_not_run_again(life):
    life.all_up(life.add("job", TaskType.ONCE))
    life.next_manager(late=False)

    assert life.ask("rebooted") == []
    assert life.replica("job").reason == "lost: the machine was restarted"


def test_a_pause_is_over_after_a_reboot_and_what_is_at_rest_stays_there(life):
    life.clock.mono = 1e6
    life.all_up(life.add("web", interval=100.0))
    life.ends("web", exit=FAILED)
    life.all_up(life.add("done", TaskType.ONCE))
    life.ends("done")
    life.clock.mono = 20.0
    life.next_manager(late=False)

    assert spawned_ids(life.ask("rebooted")) == ["web:0"]


def test_what_was_being_stopped_when_the_machine_went_down_is_stopped(life):
    life.all_up(life.add("web"))
    life.ask("stop", life.world.ids_of("web"))
    life.next_manager(late=False)

    assert life.ask("rebooted") == []
    assert life.state("web") is State.DOWN


def test_at_reboot_means_what_it_says(life):
    life.add("boot", TaskType.CRON, schedule=Schedule("@reboot"))
    life.add("off", TaskType.CRON, schedule=Schedule("@reboot"), enabled=False)
    assert spawned(life.asked) == []
    life.next_manager(late=False)

    assert spawned(life.ask("rebooted")) == ["boot"]


def test_news_of_what_is_over_lets_nobody_go_early(life):
    graph(life, a="", b="a", c="a")
    life.ask("halt")
    life.ends("b", exit=KILLED)

    assert ended(life.ask("stop", life.world.ids_of("b"))) == []
    assert ended(life.ends("c", exit=KILLED)) == ["a:0"]
