"""Tasks, their dependencies and schedules, without a process."""

import pytest

from proctor.core.commands import Signal
from proctor.core.errors import DependencyCycle, ShuttingDown, TaskExists, UnknownTask
from proctor.core.events import Exited, Gone, Spawned
from proctor.core.model import Exit, Replica, ReplicaId, State, Task
from proctor.core.spec import Dep, Schedule, Spec, TaskType
from proctor.core.views import listing

from .life import spawned


def test_a_task_without_dependencies_starts_all_its_replicas_at_once(life):
    commands = life.add("web", replicas=3)

    assert [str(command.id) for command in commands] == ["web:0", "web:1", "web:2"]
    assert len({command.run for command in commands}) == 3


def test_a_name_that_exists_is_refused(life):
    life.add("web")

    with pytest.raises(TaskExists):
        life.add("web")


def test_a_dependent_waits_until_every_replica_of_a_daemon_is_up(life):
    first, second = life.add("db", replicas=2)

    assert life.add("web", deps=(Dep("db"),)) == []
    assert [b.task for b in life.world.blockers("web")] == ["db"]
    assert life.all_up([first]) == []
    assert spawned(life.all_up([second])) == ["web"]


def test_a_dependent_waits_until_a_once_task_is_over(life):
    life.all_up(life.add("init", TaskType.ONCE))

    assert life.add("web", deps=(Dep("init"),)) == []
    assert spawned(life.ends("init")) == ["web"]


def test_the_dependencies_of_a_dependency_count_too(life):
    life.all_up(life.add("a", TaskType.ONCE))
    life.all_up(life.add("b", TaskType.DAEMON))
    life.add("c", TaskType.ONCE, deps=(Dep("a"),))

    assert life.add("d", deps=(Dep("c"), Dep("b"))) == []
    assert [b.task for b in life.world.blockers("d")] == ["c", "a"]


def test_an_unknown_name_holds_nothing_up_until_such_a_task_runs(life):
    assert spawned(life.add("web", deps=(Dep("ghost"),))) == ["web"]
    life.all_up(life.add("ghost", TaskType.ONCE))

    assert life.add("other", deps=(Dep("ghost"),)) == []


def test_a_cycle_is_refused_and_spelled_out(life):
    life.add("a", deps=(Dep("b"),))
    life.add("b", deps=(Dep("c"),))

    with pytest.raises(DependencyCycle, match="c -> a -> b -> c"):
        life.add("c", deps=(Dep("a"),))


def test_a_task_that_depends_on_itself_is_refused(life):
    with pytest.raises(DependencyCycle, match="a -> a"):
        life.add("a", deps=(Dep("a"),))


def test_a_daemon_is_started_again_after_its_interval(life):
    life.all_up(life.add("web", interval=3.0))

    assert life.ends("web") == []
    assert life.pass_time(2.9) == []
    assert spawned(life.pass_time(0.2)) == ["web"]


def test_restart_stops_first_then_starts_without_the_interval(life):
    life.all_up(life.add("web"))
    life.world.restart(life.world.ids_of("web"), life.clock.now())

    assert [type(command) for command in life.settle()] == [Signal]
    assert spawned(life.ends("web")) == ["web"]


def test_a_once_task_that_is_over_is_run_again_by_restart(life):
    life.all_up(life.add("job", TaskType.ONCE))
    life.ends("job")
    life.world.restart(life.world.ids_of("job"), life.clock.now())

    assert spawned(life.settle()) == ["job"]


def test_a_removed_task_is_forgotten_when_nothing_of_it_is_left(life):
    life.all_up(life.add("web", replicas=2))
    life.world.remove("web", life.clock.now())
    life.settle()

    life.ends("web", 0)
    assert "web" in life.world.tasks
    life.ends("web", 1)
    assert "web" not in life.world.tasks
    with pytest.raises(UnknownTask):
        life.world.remove("web", life.clock.now())


def test_removing_what_blocks_lets_the_blocked_go(life):
    life.add("db")
    life.add("web", deps=(Dep("db"),))
    life.world.remove("db", life.clock.now())
    life.settle()
    id = ReplicaId("db", 0)
    life.hear(Spawned(id, life.world.replicas[id].run, 9))

    assert spawned(life.ends("db")) == ["web"]


def test_cron_fires_on_its_schedule_and_is_not_started_before(life):
    assert life.add("tick", TaskType.CRON, schedule=Schedule(cron="* * * * *")) == []

    assert spawned(life.pass_time(61)) == ["tick"]


def test_a_fire_during_the_previous_run_is_skipped_and_counted(life):
    life.add("tick", TaskType.CRON, schedule=Schedule(cron="* * * * *"))
    life.all_up(life.pass_time(61))

    assert life.pass_time(60) == []
    assert life.world.tasks["tick"].skipped == 1
    life.ends("tick")
    assert spawned(life.pass_time(60)) == ["tick"]


def test_many_missed_fires_are_made_up_for_once(life):
    life.add("tick", TaskType.CRON, schedule=Schedule(cron="* * * * *"))

    life.all_up(life.pass_time(3600))
    life.ends("tick")
    assert life.settle() == []
    assert len(life.asked) == 1


def test_halt_stops_dependents_first_and_keeps_what_is_wanted(life):
    life.all_up(life.add("db"))
    life.all_up(life.add("web", deps=(Dep("db"),)))
    life.all_up(life.add("other"))
    life.world.halt(life.clock.now())

    assert sorted(command.id.task for command in life.settle()) == ["other", "web"]
    assert [command.id.task for command in life.ends("web")] == ["db"]
    life.ends("db")
    life.ends("other")
    assert life.world.idle
    assert all(r.wanted and r.state is State.WAITING for r in life.world.replicas.values())


def test_nothing_new_is_taken_while_the_service_stops(life):
    life.world.halt(life.clock.now())

    with pytest.raises(ShuttingDown):
        life.add("web")


def test_a_fire_missed_while_only_the_manager_was_away_comes_late(life):
    spec = Spec("tick", TaskType.CRON, "tick", schedule=Schedule(cron="* * * * *"))
    now = life.clock.now()
    task = Task(spec, 0.0, next_fire=now.wall - 500, nominal=now.wall - 500)
    life.world.restore(task, [], now, late=True)

    assert spawned(life.pass_time(0)) == ["tick"]


def test_a_fire_missed_while_the_service_was_stopped_is_skipped(life):
    spec = Spec("tick", TaskType.CRON, "tick", schedule=Schedule(cron="* * * * *"))
    now = life.clock.now()
    task = Task(spec, 0.0, next_fire=now.wall - 500, nominal=now.wall - 500)
    life.world.restore(task, [], now, late=False)

    assert life.pass_time(0) == []
    assert spawned(life.pass_time(60)) == ["tick"]


def test_a_restored_replica_goes_on_where_it_was(life):
    spec = Spec("web", TaskType.DAEMON, "web")
    r = Replica(ReplicaId("web", 0), State.UP, wanted=True, run=5, pid=77)
    life.world.restore(Task(spec, 0.0), [r], life.clock.now(), late=True)

    assert life.settle() == []
    assert not life.world.idle


def test_the_listing_shows_live_replicas_and_what_waits(life):
    life.all_up(life.add("db", replicas=2))
    life.add("late", TaskType.ONCE, deps=(Dep("gate"),))
    life.add("gate")
    life.add("waits", deps=(Dep("gate"),))
    shown = listing(life.world)
    rows = {row.name: row for row in shown.tasks}

    assert [row.alias for row in shown.running] == ["db:0", "db:1"]
    assert (rows["db"].running, rows["db"].run_flag) == (2, False)
    assert (rows["waits"].running, rows["waits"].run_flag) == (0, True)
    assert rows["waits"].last_time is None


def test_news_of_a_replica_that_is_no_more_is_passed_over(life):
    life.add("web")
    r = life.world.replicas[ReplicaId("web", 0)]
    life.ask("remove", "web")
    life.all_up(life.asked[:1])
    life.ends("web")

    assert "web" not in life.world.tasks
    assert life.hear(Spawned(r.id, r.run, 9)) == []


def test_the_world_says_who_acts_and_what_comes_next(life):
    life.world.actor = "api"
    life.world.next_run = 50
    life.add("web")

    assert (life.world.actor, life.world.next_run) == ("api", 51)
    assert life.runs[50].run == 50


def test_nothing_of_a_task_that_is_being_removed_can_be_started(life):
    life.all_up(life.add("web"))
    life.ask("remove", "web")

    with pytest.raises(UnknownTask, match="being removed"):
        life.ask("start", life.world.ids_of("web"), trigger="api")


def test_nothing_can_be_started_while_the_service_stops(life):
    life.add("web")
    life.ask("halt")

    with pytest.raises(ShuttingDown):
        life.ask("start", life.world.ids_of("web"), trigger="api")


def test_an_argv_is_shown_as_one_would_type_it(life):
    now = life.clock.now()
    spec = Spec("web", TaskType.DAEMON, ("echo", "a b"))
    life.world.put(life.world.new_task(spec, now), now)

    assert listing(life.world).tasks[0].cmd == "echo 'a b'"


def test_the_history_of_a_run_says_what_began_it_though_another_start_came_meanwhile(life):
    life.all_up(life.add("web"))
    life.ask("stop", life.world.ids_of("web"))
    life.ask("start", life.world.ids_of("web"), trigger="wanted again")
    life.all_up(life.ends("web"))

    assert [run.trigger for run in life.runs.values()] == ["api", "wanted again"]


def test_an_end_is_dated_when_it_was_seen(life):
    life.all_up(life.add("web", TaskType.ONCE))
    life.ends("web", exit=Exit(code=0, at=5.0))

    assert life.runs[1].ended == 5.0


def test_the_history_of_a_run_keeps_the_pid_of_its_process_when_leftovers_end_last(life):
    life.all_up(life.add("web"))
    run = life.replica("web").run
    begun = life.runs.pop(run)
    life.ask("stop", [ReplicaId("web", 0)])
    life.ends("web", exit=Exit(signal=15), left=True)

    assert run not in life.runs, "it has neither begun again nor ended"
    life.gone("web")
    assert begun.pid == 100 + run
    assert life.runs[run].exit == Exit(signal=15)


def test_a_run_that_begins_and_ends_in_one_turn_has_its_pid_on_record(life):
    (spawn,) = life.add("web")
    for event in (
        Spawned(spawn.id, spawn.run, 7),
        Exited(spawn.id, spawn.run, Exit(code=0), left=True),
        Gone(spawn.id, spawn.run),
    ):
        life.world.handle(event, life.clock.now())
    life.settle()

    assert life.runs[spawn.run].pid == 7
    assert life.runs[spawn.run].exit == Exit(code=0)
