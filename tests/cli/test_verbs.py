from __future__ import annotations

import os
import signal
import subprocess

import pytest

from .support import PATIENCE, Cli

SLEEP = ("--", "sleep", "1000")


def test_a_task_is_added_listed_stopped_started_and_removed(cli: Cli) -> None:
    added = cli("add", "web", "--replica", "2", "--label", "tier=front", *SLEEP)
    listed = cli("ls", "label=tier=front")
    stopped = cli("stop", "web:1")
    restarted = cli("start", "web")
    removed = cli("rm", "web")

    assert (added.status, added.rows) == (0, [["web", "running", "-"]])
    head, row = listed.rows
    assert dict(zip(head, row, strict=True)).items() >= {
        ("NAME", "web"),
        ("TYPE", "daemon"),
        ("STATE", "running"),
        ("READY", "2/2"),
        ("NEXT", "-"),
    }
    assert stopped.rows[0][:2] == ["web:1", "done"]
    assert restarted.rows == [["web:0", "done", "up"], ["web:1", "done", "up"]]
    assert removed.status == 0
    assert cli.states() == {}


def test_the_command_after_the_dashes_is_run_as_it_is(cli: Cli) -> None:
    words = ["sh", "-c", "test \"$1\" = 'a  b' && test $A = 1", "x", "a  b"]
    cli("add", "job", "--type", "once", "-e", "A=1", "--", *words, ok=True)

    spec = cli("describe", "job", "--json", ok=True).json["spec"]
    assert spec["cmd"] == words
    assert spec["cwd"] == str(cli.folder)
    assert cli.states() == {"job": "completed"}


def test_the_exit_status_tells_that_a_task_did_not_come_up(cli: Cli) -> None:
    failed = cli("add", "job", "--type", "once", "--", "sh", "-c", "exit 3")
    missing = cli("add", "web", "--", "/no/such/program")
    again = cli("run", "job")

    assert (failed.status, missing.status, again.status) == (1, 1, 1)
    assert "job is failed: exited 3" in failed.err
    assert "no such file: /no/such/program" in missing.err
    assert "job:0: exited 3" in again.err


def test_what_is_refused_is_a_failure_with_the_services_words(cli: Cli) -> None:
    cli("add", "web", *SLEEP, ok=True)

    exists = cli("add", "web", *SLEEP)
    unknown = cli("start", "nobody")

    assert (exists.status, unknown.status) == (1, 1)
    assert "'web' exists already" in exists.err
    assert "'nobody'" in unknown.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("w", "--cron", "61 * * * *"), "61"),
        (("w", "--stop-signal", "FOO"), "expected a signal"),
        (("w", "--rlimit", "foo=3"), "foo"),
        (("w", "--user", "no-such-user"), "no-such-user"),
        (("a b",), "name"),
    ],
)
def test_what_can_never_be_is_a_wrong_use(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    refused = cli("add", *arguments, "--", "true")

    assert refused.status == 2
    assert said in refused.err


def test_wrong_use_is_told_from_failure(cli: Cli) -> None:
    assert cli("start").status == 2
    assert cli("start", "--all", "web").status == 2
    assert cli("add", "web").status == 2
    assert cli("add", "web", "--env", "X", *SLEEP).status == 2
    assert cli("scale", "web", "many").status == 2
    assert cli("nonsense").status == 2
    assert cli("ls", "colour=red").status == 2


def test_without_a_service_the_status_is_three_and_the_advice_is_to_start_one(cli: Cli) -> None:
    lost = cli("ls", env={"PROCTOR_URL": "http://127.0.0.1:9"})

    assert lost.status == 3
    assert "no service answers at http://127.0.0.1:9 (connection refused)" in lost.err
    assert "PROCTOR_URL" in lost.err
    assert cli("doctor", env={"PROCTOR_URL": "http://127.0.0.1:9"}).status == 3


def test_scale_leaves_those_that_stay_untouched(cli: Cli) -> None:
    cli("add", "web", *SLEEP, ok=True)
    before = cli("ls", "--json").json[0]["pids"]

    scaled = cli("scale", "web", "3")

    assert scaled.status == 0
    assert cli("ls", "--json").json[0]["pids"][:1] == before
    assert cli("ls", "--json").json[0]["ready"] == 3


def test_a_rolling_restart_replaces_every_process(cli: Cli) -> None:
    cli("add", "web", "--replica", "2", *SLEEP, ok=True)
    before = set(cli("ls", "--json").json[0]["pids"])

    assert cli("restart", "--rolling", "web").status == 0

    assert before.isdisjoint(cli("ls", "--json").json[0]["pids"])


def test_a_rolling_restart_says_what_it_leaves_alone(cli: Cli) -> None:
    cli("add", "web", "--replica", "2", *SLEEP, ok=True)
    cli("add", "off", *SLEEP, ok=True)
    cli("stop", "off", "web:1", ok=True)
    before = cli("ls", "web", "--json").json[0]["pids"]

    one = cli("restart", "--rolling", "web:0")
    all_ = cli("restart", "--rolling", "web", "off", ok=True)

    assert one.status == 2
    assert "expected whole tasks, got some replicas of 'web'" in one.err
    assert sorted(all_.rows) == [
        ["off:0", "done", "it was not running"],
        ["web:0", "done", "up"],
        ["web:1", "done", "it was not running"],
    ]
    assert cli.states() == {"web": "running", "off": "stopped"}
    assert cli("ls", "web", "--json").json[0]["pids"] != before


def test_no_wait_returns_what_was_asked_for(cli: Cli) -> None:
    cli("add", "db", "--type", "once", "--no-wait", *SLEEP, ok=True)
    waits = cli("add", "web", "--dep", "db:completed", "--no-wait", *SLEEP)

    began = cli("start", "web", "--no-wait", "--json")
    timed = cli("start", "web", "--timeout", "50ms")

    assert waits.rows == [["web", "created"]]
    assert began.status == 0
    assert began.json["state"] == "running"
    assert timed.status == 1
    assert "not within 0.05 s" in timed.err


def test_runs_are_listed_with_how_they_ended(cli: Cli) -> None:
    cli("add", "killed", "--type", "once", "--", "sh", "-c", "kill -9 $$")
    cli("run", "killed")

    head, *rows = cli("runs", "killed", ok=True).rows
    assert len(rows) == 2
    first = dict(zip(head, rows[1], strict=True))
    assert first["REPLICA"] == "killed:0"
    assert first["RESULT"] == "killed by signal 9"
    assert [run["trigger"] for run in cli("runs", "killed", "--json").json] == ["run", "api"]


def test_schedules_are_previewed(cli: Cli) -> None:
    cli("add", "tick", "--cron", "*/5 * * * *", "--tz", "Asia/Kolkata", "--", "true", ok=True)

    all_of_them = cli("next", "-n", "2", "--json", ok=True).json
    of_one = cli("next", "tick", "-n", "1", ok=True).rows
    expression = cli("next", "30 2 * * *", "--tz", "Europe/Riga", "-n", "1", "--json").json

    assert [fire["task"] for fire in all_of_them] == ["tick", "tick"]
    assert all_of_them[1]["at"] - all_of_them[0]["at"] == 300
    assert of_one[1][2].endswith("+05:30")
    assert "T02:30:00" in expression[0]["local"]
    assert cli("next", "99 * * * *").status == 2


def test_a_disabled_task_is_shown_as_one_and_can_be_enabled_again(cli: Cli) -> None:
    cli("add", "tick", "--cron", "0 0 1 1 *", "--", "true", ok=True)

    cli("disable", "tick", ok=True)
    disabled = cli.states()
    said = cli("enable", "tick", ok=True)

    assert said.out == "tick:0\tdone\tenabled\n"
    assert disabled == {"tick": "disabled"}
    assert cli.states() == {"tick": "scheduled"}


def test_a_signal_reaches_the_process_and_tells_if_there_is_none(cli: Cli) -> None:
    script = "trap 'exit 0' USR1; while :; do sleep 0.01; done"
    for number_or_name in ("USR1", str(int(signal.SIGUSR1))):
        cli("add", "job", "--type", "daemon", "--no-wait", "--shell", script, ok=True)
        cli("start", "job", ok=True)
        assert cli("signal", number_or_name, "job").status == 0
        cli("rm", "job", ok=True)

    cli("add", "job", "--type", "daemon", "--no-wait", "--shell", script, ok=True)
    cli("stop", "job", ok=True)
    assert cli("signal", "USR1", "job").status == 1
    assert "99 is no signal" in cli("signal", "99", "job").err
    swapped = cli("signal", "job", "USR1")
    assert swapped.status == 2
    assert "`proctor signal USR1 job`" in swapped.err


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_what_ends_as_soon_as_it_is_up_did_not_start(cli: Cli, verb: str) -> None:
    cli("add", "bad", "--type", "daemon", "--restart", "never", "--no-wait", "--shell", "exit 9")

    done = cli(verb, "bad")

    assert done.status == 1
    assert "bad:0: exited 9" in done.err
    assert done.out == "bad:0\tfailed\texited 9\n"


def test_a_pipe_that_closes_early_is_no_fault(cli: Cli) -> None:
    for n in range(3):
        cli("add", f"web{n}", "--no-wait", *SLEEP, ok=True)
    read, write = os.pipe()
    os.close(read)

    process = cli.spawn("ls", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    _, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, err) == (0, "")


def test_the_command_itself_finds_its_service_and_exits_as_it_should(cli: Cli) -> None:
    cli("add", "job", "--type", "once", "--no-wait", "--", "true", ok=True)

    listed = cli.spawn("ls", stdout=subprocess.PIPE)
    out, _ = listed.communicate(timeout=PATIENCE)
    unknown = cli.spawn("start", "nobody", stderr=subprocess.PIPE)
    _, err = unknown.communicate(timeout=PATIENCE)

    assert listed.returncode == 0
    assert out.splitlines()[0].split("\t")[0] == "NAME"
    assert unknown.returncode == 1
    assert "'nobody'" in err


def test_the_schedule_says_which_type_it_is(cli: Cli) -> None:
    cli("add", "later", "--at", "+1h", "--", "true", ok=True)
    cli("add", "often", "--cron", "@hourly", "--", "true", ok=True)

    listed = cli("ls", ok=True).out.splitlines()[1:]

    assert [line.split("\t")[:3] for line in listed] == [
        ["later", "once", "scheduled"],
        ["often", "cron", "scheduled"],
    ]
