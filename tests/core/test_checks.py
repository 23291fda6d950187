"""Readiness, liveness and startup, and the lines that dependents wait for."""

import pytest
from msgspec.structs import replace

from proctor.core.checks import PATIENCE
from proctor.core.commands import Probe
from proctor.core.events import Probed
from proctor.core.model import Exit, State
from proctor.core.spec import Check, CheckKind, Dep, TaskType, Until

from .life import FAILED, KILLED, ends_probes, probes, spawned

HTTP = Check(CheckKind.HTTP, "http://x/", period=5.0, timeout=1.0, failures=3)
NOTIFY = Check(CheckKind.NOTIFY, period=5.0, failures=2)
LINE = Check(CheckKind.LOG_LINE, "listening", period=5.0, failures=2)


def test_nothing_wakes_up_for_a_task_without_checks(life):
    life.all_up(life.add("web"))

    assert life.world.next_deadlines() == (None, None)
    assert life.replica("web").ready


def test_a_replica_is_ready_when_its_check_says_so_and_not_before(life):
    life.all_up(life.add("web", readiness=HTTP))
    assert not life.replica("web").ready

    assert probes(life.pass_time(0)) == ["readiness"]
    life.probed("web", "readiness", True)

    assert life.replica("web").ready
    assert life.reasons("replica.ready") == [""]


def test_a_check_is_asked_after_its_delay_and_then_every_period(life):
    life.all_up(life.add("web", readiness=replace(HTTP, delay=2.0)))

    assert probes(life.pass_time(1.9)) == []
    assert probes(life.pass_time(0.1)) == ["readiness"]
    life.probed("web", "readiness", True)
    assert probes(life.pass_time(4.9)) == []
    assert probes(life.pass_time(0.1)) == ["readiness"]


def test_one_answer_is_not_asked_for_twice(life):
    life.all_up(life.add("web", readiness=replace(HTTP, timeout=30.0)))

    assert probes(life.pass_time(0)) == ["readiness"]
    assert probes(life.pass_time(29.0)) == []


def test_readiness_is_lost_after_as_many_failures_as_it_takes_and_nothing_is_restarted(life):
    life.all_up(life.add("web", readiness=HTTP))
    _answer(life, "readiness", True)
    _answer(life, "readiness", False)
    _answer(life, "readiness", False)
    assert life.replica("web").ready
    _answer(life, "readiness", False, "status 503")

    assert not life.replica("web").ready
    assert life.state("web") is State.UP
    assert life.reasons("replica.unready") == ["readiness: status 503"]
    _answer(life, "readiness", True)
    assert life.replica("web").ready


def test_a_success_in_between_begins_the_count_anew(life):
    life.all_up(life.add("web", liveness=HTTP))
    for ok in (False, False, True, False, False):
        _answer(life, "liveness", ok)

    assert life.state("web") is State.UP


def test_readiness_gates_dependents(life):
    life.all_up(life.add("db", readiness=HTTP))

    assert life.add("web", deps=(Dep("db", Until.READY),)) == []
    assert life.blockers("web") == ["db is not ready"]
    assert spawned(_answer(life, "readiness", True, name="db")) == ["web"]


def test_plain_dependencies_wait_for_readiness_too(life):
    life.all_up(life.add("db", readiness=replace(HTTP, failures=1)))
    life.add("web", deps=(Dep("db"),))
    _answer(life, "readiness", False, "refused", name="db")

    assert life.blockers("web") == ["db is not ready: readiness: refused"]
    assert spawned(_answer(life, "readiness", True, name="db")) == ["web"]


def test_a_liveness_failure_restarts_with_the_reason_recorded(life):
    life.all_up(life.add("web", liveness=replace(HTTP, failures=1), interval=1.0))
    assert ends_probes(_answer(life, "liveness", False, "status 500"))
    assert life.state("web") is State.STOPPING
    life.ends("web", exit=KILLED)

    reason = "liveness check failed: status 500"
    assert life.replica("web").exit == Exit(signal=15, error=reason)
    assert life.replica("web").reason == reason
    assert life.runs[1].exit.error == reason
    assert spawned(life.pass_time(1.0)) == ["web"]


def test_no_answer_is_a_failure_and_a_late_one_is_nothing(life):
    life.all_up(life.add("web", liveness=replace(HTTP, failures=1)))
    life.pass_time(0)
    life.pass_time(HTTP.timeout + PATIENCE)

    assert life.replica("web").verdict == "liveness check failed: no answer within 6 s"


def test_an_answer_that_was_given_up_is_not_counted(life):
    life.all_up(life.add("web", readiness=HTTP))
    life.pass_time(0)
    life.pass_time(HTTP.timeout + PATIENCE)
    life.probed("web", "readiness", True)

    assert not life.replica("web").ready


def test_a_check_that_is_due_when_another_ends_the_run_is_not_asked(life):
    watchdog = replace(HTTP, failures=1, delay=1.0)
    life.all_up(life.add("web", readiness=HTTP, liveness=watchdog))
    life.pass_time(0)
    life.pass_time(1.0)
    life.clock.advance(1.0)
    life.probed("web", "readiness", True)
    # Both are due now: the silence of one is a failure, and the other is to be asked again.
    commands = life.pass_time(HTTP.period)

    assert life.state("web") is State.STOPPING
    assert probes(commands) == []


def test_a_slow_boot_has_a_budget_of_its_own(life):
    boot = Check(CheckKind.TCP, "x:1", period=2.0, failures=3)
    life.all_up(life.add("web", startup=boot, liveness=replace(HTTP, failures=1)))
    assert probes(life.pass_time(0)) == ["startup"]
    life.probed("web", "startup", False)
    _answer(life, "startup", False, after=2.0)
    assert life.state("web") is State.UP
    _answer(life, "startup", False, "refused", after=2.0)

    assert life.state("web") is State.STOPPING
    assert life.replica("web").verdict == "startup check failed: refused"


def test_after_the_boot_the_other_checks_begin(life):
    boot = Check(CheckKind.TCP, "x:1", period=2.0)
    life.all_up(life.add("web", startup=boot, readiness=HTTP, liveness=HTTP))
    _answer(life, "startup", True)

    assert (life.replica("web").booted, life.replica("web").ready) == (True, False)
    assert sorted(probes(life.pass_time(0))) == ["liveness", "readiness"]


def test_who_has_booted_and_has_no_readiness_check_is_ready(life):
    life.all_up(life.add("web", startup=Check(CheckKind.TCP, "x:1")))
    assert not life.replica("web").ready
    _answer(life, "startup", True)

    assert life.replica("web").ready
    assert life.world.next_deadlines() == (None, None)


def test_a_next_manager_does_not_take_a_booted_process_for_a_booting_one(life):
    life.all_up(life.add("web", startup=LINE, readiness=HTTP))
    life.probed("web", "startup", True)
    commands = life.next_manager()

    assert probes(commands) == []
    assert probes(life.pass_time(100.0)) == ["readiness"]
    assert life.state("web") is State.UP


def test_a_next_manager_keeps_what_is_ready_until_a_check_says_otherwise(life):
    life.all_up(life.add("web", readiness=replace(HTTP, failures=1)))
    _answer(life, "readiness", True)
    life.next_manager()
    assert life.replica("web").ready

    _answer(life, "readiness", False, after=0.0)
    assert not life.replica("web").ready


def test_who_notifies_is_waited_for_without_a_wake_up(life):
    commands = life.add("web", readiness=NOTIFY)
    commands = life.all_up(commands)

    assert probes(commands) == ["readiness"]
    assert life.world.next_deadlines() == (None, None)
    life.probed("web", "readiness", True)
    assert life.replica("web").ready
    assert life.world.next_deadlines() == (None, None)


def test_what_a_task_says_of_itself_need_not_be_said_twice(life):
    life.all_up(life.add("web", readiness=replace(NOTIFY, successes=3, failures=3)))
    life.probed("web", "readiness", True)
    assert life.replica("web").ready

    life.probed("web", "readiness", False, "reloading")
    assert not life.replica("web").ready
    assert life.replica("web").reason == "readiness: reloading"


def test_words_alone_are_shown_and_judge_nothing(life):
    life.all_up(life.add("web", startup=NOTIFY))
    life.pass_time(4.0)
    life.probed("web", "startup", None, "loading the index")

    (verdict,) = life.world.verdicts.values()
    assert (verdict.passing, verdict.failures, verdict.text) == (None, 0, "loading the index")
    life.pass_time(1.0)
    life.pass_time(5.0)
    assert life.state("web") is State.STOPPING


def test_a_watchdog_that_falls_silent_is_a_failure(life):
    life.all_up(life.add("web", liveness=NOTIFY))
    life.pass_time(4.0)
    life.probed("web", "liveness", True)
    life.pass_time(5.0)
    assert life.state("web") is State.UP
    life.pass_time(5.0)

    assert life.replica("web").verdict == "liveness check failed: nothing for 5 s"


def test_a_line_that_was_found_stays_found(life):
    life.all_up(life.add("web", startup=LINE))
    life.probed("web", "startup", True)

    assert life.world.next_deadlines() == (None, None)
    assert life.replica("web").ready


def test_a_line_that_does_not_come_within_the_budget_is_a_failure(life):
    life.all_up(life.add("web", startup=LINE))
    life.pass_time(5.0)
    life.pass_time(5.0)

    assert life.state("web") is State.STOPPING


def test_answers_about_another_run_or_check_are_stale(life):
    life.all_up(life.add("web", readiness=HTTP))
    life.pass_time(0)
    r = life.replica("web")
    life.hear(Probed(r.id, r.run - 1, "readiness", True))
    life.probed("web", "liveness", True)
    life.probed("web", "nonsense", True)

    assert not life.replica("web").ready


def test_a_question_about_a_run_that_is_over_is_not_asked(life):
    life.all_up(life.add("web", readiness=HTTP))
    life.ends("web", exit=FAILED)

    assert probes(life.pass_time(0)) == []


def test_a_changed_probe_holds_for_what_runs(life):
    life.all_up(life.add("web", readiness=HTTP, liveness=HTTP))
    spec = life.task("web").spec
    other = replace(HTTP, target="http://y/")
    commands = life.ask("update", replace(spec, readiness=other, liveness=None))

    assert (ends_probes(commands), life.state("web")) == (True, State.UP)
    asked = life.pass_time(0)
    assert [(c.name, c.check.target) for c in asked if isinstance(c, Probe)] == [
        ("readiness", "http://y/")
    ]


def test_a_changed_probe_waits_for_who_is_not_up(life):
    life.all_up(life.add("web", readiness=HTTP, interval=60.0))
    life.ends("web", exit=FAILED)
    life.ask("update", replace(life.task("web").spec, readiness=None))
    assert life.state("web") is State.BACKOFF
    life.all_up(life.pass_time(60.0))

    assert life.replica("web").ready


def test_who_has_lost_its_checks_is_ready(life):
    boot = Check(CheckKind.TCP, "x:1")
    life.all_up(life.add("web", readiness=HTTP, startup=boot))
    spec = life.task("web").spec
    life.ask("update", replace(spec, startup=None))
    assert (life.replica("web").booted, life.replica("web").ready) == (True, False)
    life.ask("update", replace(spec, startup=None, readiness=None))

    assert life.replica("web").ready
    assert life.world.next_deadlines() == (None, None)


def test_a_bound_on_the_run_can_be_moved_while_it_goes_on(life):
    life.all_up(life.add("job", TaskType.ONCE, timeout=10.0))
    spec = life.task("job").spec
    life.pass_time(8.0)
    life.ask("update", replace(spec, timeout=60.0))
    life.pass_time(40.0)
    assert life.state("job") is State.UP
    life.ask("update", replace(spec, timeout=None))
    life.pass_time(40.0)
    assert life.state("job") is State.UP
    life.ask("update", replace(spec, timeout=30.0))
    life.pass_time(0.0)

    assert life.replica("job").verdict == "timeout after 30 s"


def test_a_line_of_output_sets_dependents_free(life):
    life.all_up(life.add("web"))
    commands = life.add("tests", deps=(Dep("web", Until.LOG_LINE, pattern="serving"),))

    assert probes(commands) == ["line:serving"]
    assert life.blockers("tests") == ["web has not printed 'serving'"]
    assert spawned(life.probed("web", "line:serving", True)) == ["tests"]


def test_a_line_is_looked_for_in_what_comes_up_later_and_once(life):
    life.add("tests", deps=(Dep("web", Until.LOG_LINE, pattern="serving"),))
    commands = life.all_up(life.add("web"))
    assert probes(commands) == ["line:serving"]
    life.probed("web", "line:serving", True)

    more = life.add("more", deps=(Dep("web", Until.LOG_LINE, pattern="serving"),))
    assert (probes(more), spawned(more)) == ([], ["more"])


def test_a_line_of_the_run_before_counts_for_nothing(life):
    life.all_up(life.add("web", interval=0.0))
    life.add("tests", deps=(Dep("web", Until.LOG_LINE, pattern="serving"), Dep("gate")))
    life.add("gate", TaskType.ONCE)
    life.probed("web", "line:serving", True)
    again = life.ends("web", exit=FAILED)
    assert probes(life.all_up(again)) == ["line:serving"]

    assert "web has not printed 'serving'" in life.blockers("tests")


def test_a_line_of_an_old_run_that_is_heard_of_late_counts_for_nothing(life):
    life.all_up(life.add("web", interval=0.0))
    life.add("tests", deps=(Dep("web", Until.LOG_LINE, pattern="serving"),))
    old = life.replica("web").run
    life.all_up(life.ends("web", exit=FAILED))

    life.hear(Probed(life.replica("web").id, old, "line:serving", True))
    assert life.blockers("tests") == ["web has not printed 'serving'"]


def test_a_next_manager_looks_for_the_lines_again(life):
    life.all_up(life.add("web"))
    life.add("tests", deps=(Dep("web", Until.LOG_LINE, pattern="serving"),))

    assert probes(life.next_manager()) == ["line:serving"]


@pytest.mark.parametrize("check", ["readiness", "liveness", "startup"])
def test_whoever_notifies_is_told_of_it_at_birth_so_a_change_restarts_it(life, check):
    life.all_up(life.add("web"))
    spec = replace(life.task("web").spec, **{check: NOTIFY})
    life.ask("update", spec)

    assert life.state("web") is State.STOPPING


def _answer(life, check, ok, text="seen", *, name="web", after=None):
    """Let the next question come, and answer it; return what follows."""
    life.pass_time(HTTP.period if after is None else after)
    return life.probed(name, check, ok, text)
