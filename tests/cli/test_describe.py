from __future__ import annotations

from pathlib import Path

import pytest

from proctor.cli.diagnosis import advice
from proctor.client.models import Exit, Replica, Task
from proctor.keeper import room
from tests.system.service import until

from .support import Cli


def described(cli: Cli, name: str) -> str:
    return cli("describe", name, ok=True).out


def test_a_missing_program_is_named(cli: Cli) -> None:
    cli("add", "web", "--", "no-such-program-anywhere")

    text = described(cli, "web")

    assert "Why: no such file: no-such-program-anywhere" in text
    assert "`no-such-program-anywhere` is in none of these folders" in text


def test_a_missing_working_directory_is_named(cli: Cli) -> None:
    cli("add", "web", "--cwd", "/no/such/folder", "--", "true")

    assert "The working directory /no/such/folder does not exist" in described(cli, "web")


def test_a_bad_interpreter_is_named(cli: Cli) -> None:
    script = cli.folder / "script"
    script.write_text("#!/no/such/python\n")
    script.chmod(0o755)
    cli("add", "web", "--", str(script))

    assert f"The first line of {script} (`#!/no/such/python`)" in described(cli, "web")


def test_a_script_that_is_not_executable_is_named(cli: Cli) -> None:
    script = cli.folder / "script"
    script.write_text("#!/bin/sh\n")
    cli("add", "web", "--", str(script))

    assert f"`chmod +x {script}`" in described(cli, "web")


def test_an_unmet_dependency_is_named(cli: Cli) -> None:
    cli("add", "db", "--", "sleep", "1000", ok=True)
    cli("stop", "db", ok=True)
    cli("add", "web", "--dep", "db:ready", "--timeout", "1", "--", "sleep", "1000")

    text = described(cli, "web")

    assert "Why: db is stopped" in text
    assert "`proctor start db`" in text
    assert "deps           db:ready" in text


def test_a_dependency_that_does_not_exist_is_to_be_made(cli: Cli) -> None:
    cli("add", "web", "--dep", "db:ready", "--no-wait", "--", "sleep", "1000", ok=True)

    assert "Make the task db (`proctor add db ...`)" in described(cli, "web")


def test_one_that_ends_by_itself_is_to_be_looked_up_in_its_log(cli: Cli) -> None:
    cli("add", "web", "--type", "once", "--shell", "exit 7")

    assert "It ends by itself: its output may say why (`proctor logs web`)" in described(cli, "web")


def test_a_task_that_was_given_up_says_so(cli: Cli) -> None:
    file = cli.folder / "proctor.toml"
    file.write_text(
        '[tasks.web]\ncmd = "exit 1"\ninterval = 0\nrestart = { limit = 2, window = 60 }\n'
    )
    cli("apply", "--no-wait", ok=True)
    until(lambda: cli.states() == {"web": "failed"})

    text = described(cli, "web")

    assert "It began 2 times within 60 seconds and was given up" in text
    assert "`proctor start web`" in text


def test_what_waits_for_its_schedule_says_when(cli: Cli) -> None:
    cli("add", "tick", "--cron", "0 0 1 1 *", "--", "true", ok=True)

    text = described(cli, "tick")

    assert "It is not running because it runs by its schedule." in text
    assert "next fire" in text
    assert "Run it now with `proctor run tick`." in text


def test_what_runs_and_what_was_stopped_is_told_apart(cli: Cli) -> None:
    cli("add", "web", "--", "sleep", "1000", ok=True)
    running = described(cli, "web")
    cli("stop", "web", ok=True)

    assert "It runs as it should." in running
    assert "Start it with `proctor start web`." in described(cli, "web")


def test_a_daemon_that_is_stopped_before_it_is_started_again_is_not_done(cli: Cli) -> None:
    cli("add", "flicker", "--", "true")
    cli("add", "chore", "--type", "once", "--", "true", ok=True)
    until(lambda: cli.states()["flicker"] == "backoff")
    cli("stop", "flicker", "chore", ok=True)

    assert cli.states() == {"flicker": "stopped", "chore": "completed"}
    assert "→ Start it with `proctor start flicker`." in described(cli, "flicker")


def test_a_value_that_is_secret_is_not_shown(cli: Cli) -> None:
    cli("add", "web", "-e", "API_TOKEN=hush", "-e", "MODE=x", "--", "sleep", "1000", ok=True)

    text = described(cli, "web") + cli("describe", "web", "--json").out

    assert "hush" not in text
    assert "MODE=x" in text


def test_a_replica_is_its_task_with_its_own_lines(cli: Cli) -> None:
    cli("add", "twice", "--type", "once", "--replica", "2", "--shell", "echo I am $PROCTOR_REPLICA")

    said = cli("describe", "twice:1", ok=True).out

    assert "I am 1" in said
    assert "I am 0" not in said


def test_a_task_that_does_not_exist_is_a_failure(cli: Cli) -> None:
    unknown = cli("describe", "nobody")

    assert unknown.status == 1
    assert "'nobody'" in unknown.err


def failed(reason: str, state: str = "failed") -> Task:
    replica = Replica("web:0", "failed", reason=reason, last_exit=Exit("exited 1", code=1))
    return Task("web", state, reason, replicas=[replica])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("OSError: [Errno 98] Address already in use: ('0.0.0.0', 8080)", "`ss -ltnp`"),
        ("Error: listen EADDRINUSE: address already in use :::3000", "`ss -ltnp | grep :3000`"),
        ("write: No space left on device", "The disk is full."),
        ("accept: Too many open files", "`rlimits.nofile`"),
    ],
)
def test_the_last_output_says_more(line: str, words: str) -> None:
    said = advice(failed("exited 1"), ["starting", line])

    assert any(words in sentence for sentence in said)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("user 'nobdy' does not exist here", "Create the user 'nobdy'"),
        ("user 'www': only root may switch, the service runs as user 1000", "as root"),
        ("env file /etc/x.env: line 2 makes no sense", "mend /etc/x.env, or correct `env_files`"),
        ("stdin /data/in: No such file or directory", "put /data/in there, or correct `stdin`"),
        ("exited 127", "did not find the command"),
        ("oom: killed, it took more than limits.memory_max", "memory_max` allows"),
        ("readiness: 127.0.0.1:80: connection refused", "its readiness check does not succeed"),
        ("the pool batch has no free slot", "something else in the pool batch"),
        ("memory 93 MiB over memory_restart 30 MiB", "memory_restart`: raise that"),
        (room.refusal(60, 64, run=1) or "", "with more descriptors"),
    ],
)
def test_each_reason_has_its_advice(reason: str, words: str) -> None:
    assert any(words in sentence for sentence in advice(failed(reason), []))


@pytest.mark.parametrize(
    ("state", "blocker", "words"),
    [
        ("waiting", "db is stopped", "`proctor start db`"),
        ("blocked", "db failed: no such file: /x", "Mend db first: `proctor describe db`."),
        ("waiting", "db is about to be restarted (exited 1)", "on db: `proctor describe db`"),
    ],
)
def test_what_is_waited_for_is_where_to_look(state: str, blocker: str, words: str) -> None:
    said = advice(Task("web", state, blocker, blockers=[blocker]), [])

    assert len(said) == 1
    assert words in said[0]


def test_old_output_of_a_task_that_is_well_is_no_advice(tmp_path: Path) -> None:
    assert advice(Task("web", "running"), ["No space left on device"]) == []
