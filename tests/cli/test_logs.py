from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from proctor.cli.loglines import shown
from proctor.client import Client
from proctor.client.models import LogLine
from tests.manifest.support import write
from tests.system.service import alive, until

from .support import PATIENCE, Cli


def say(cli: Cli, name: str, script: str, *more: str) -> None:
    cli("add", name, "--type", "once", *more, "--shell", script, ok=True)


def lines(cli: Cli, *arguments: str) -> list[str]:
    return cli("logs", *arguments, ok=True).out.splitlines()


def test_lines_of_several_tasks_are_told_apart_and_in_the_order_of_time(cli: Cli) -> None:
    say(cli, "log-a", "echo one; echo two")
    say(cli, "log-b", "echo three")

    found = until(lambda: f if len(f := lines(cli, "log-*", "-n", "10")) == 3 else None)

    assert found == ["log-a:0 | one", "log-a:0 | two", "log-b:0 | three"]


def test_one_task_needs_no_column_and_says_when_runs_began_and_ended(cli: Cli) -> None:
    say(cli, "log-c", "echo one")

    found = until(lambda: f if len(f := lines(cli, "log-c")) == 3 else None)

    assert found[0].startswith("--- started")
    assert any(line.startswith("--- exited 0") for line in found[1:])
    assert "one" in found[1:]


def test_lines_are_searched_and_shown_as_json(cli: Cli) -> None:
    say(cli, "log-d", "seq 100")

    until(lambda: len(lines(cli, "log-d", "-n", "200")) == 100)
    found = [json.loads(line)["text"] for line in lines(cli, "log-d", "--grep", "^9.$", "--json")]

    assert found == [str(n) for n in range(90, 100)]
    assert lines(cli, "log-d", "--since", "1h", "-n", "1") == ["100"]
    assert lines(cli, "log-d", "--until", "1h", "-n", "1") == []


def test_what_cannot_be_searched_for_is_a_wrong_use(cli: Cli) -> None:
    assert cli("logs", "--grep", "(").status == 2
    assert cli("logs", "--since", "yesterday-ish").status == 2
    assert cli("logs", "no-such-task").status == 1


def test_following_shows_what_is_written_from_now_on(cli: Cli) -> None:
    file = cli.folder / "in"
    file.touch()
    cli("add", "log-e", "--", "tail", "-n", "+1", "-f", str(file), ok=True)
    process = cli.spawn("logs", "-f", "log-e", stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        for word in ("one", "two"):
            with file.open("a") as stream:
                stream.write(f"{word}\n")
            assert process.stdout.readline() == f"{word}\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


def test_events_are_shown_with_their_ids(cli: Cli) -> None:
    cli("add", "event-a", "--", "sleep", "1000", ok=True)
    cli("stop", "event-a", ok=True)

    found = cli("events", "event-a", "--after", "0", "--limit", "3", "--json", ok=True).out

    kinds = [json.loads(line)["kind"] for line in found.splitlines()]
    assert kinds[0] == "task.created"
    assert len(kinds) == 3


def test_events_go_on_when_the_manager_was_killed_or_reloaded(cli: Cli) -> None:
    cli("add", "event-b", "--", "sleep", "1000", ok=True)
    process = cli.spawn("events", "event-b", "--after", "0", "--json", stdout=subprocess.PIPE)
    assert process.stdout is not None
    seen: list[int] = []
    with process.stdout:

        def see(kind: str) -> None:
            for line in process.stdout or ():
                event = json.loads(line)
                seen.append(event["id"])
                if event["kind"] == kind:
                    return

        see("task.created")
        with Client(f"unix:{cli.state_dir}/proctor.sock") as client:
            manager = client.info().pid
        os.kill(manager, signal.SIGKILL)
        until(lambda: not alive(manager))
        cli("stop", "event-b", ok=True)
        see("replica.down")
        cli("reload", ok=True)
        cli("start", "event-b", ok=True)
        see("replica.up")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0

    kept = cli("events", "event-b", "--after", "0", "-n", str(len(seen)), "--json", ok=True).out
    assert seen == [json.loads(line)["id"] for line in kept.splitlines()]


def test_the_last_output_is_part_of_the_description(cli: Cli) -> None:
    script = "echo 'bind: Address already in use (port 80)'; exit 1"
    cli("add", "log-f", "--type", "once", "--shell", script)

    text = until(lambda: t if "Last output" in (t := cli("describe", "log-f").out) else None)

    assert "  bind: Address already in use (port 80)" in text
    assert "`ss -ltnp | grep :80`" in text


def test_control_characters_reach_a_pipe_but_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    line = LogLine(0.0, "web", 0, "\x1b[2J\x1b]0;title\x07a\x1b[31mb\x07")

    piped = shown(line, None, times=False)
    monkeypatch.setattr("proctor.cli.loglines.coloured", lambda: True)
    seen = shown(line, None, times=False)

    assert piped == line.text
    assert seen == "a\x1b[31mb\x1b[0m"


@contextmanager
def up(cli: Cli, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = cli.spawn("up", *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def wait_for(process: subprocess.Popen[str], text: str) -> list[str]:
    """Return the lines up to the first that has the text."""
    assert process.stdout is not None
    found = []
    for line in process.stdout:
        found.append(line.rstrip("\n"))
        if text in line:
            return found
    raise AssertionError((found, process.stderr.read() if process.stderr else ""))


TEXT = """
    [tasks.web]
    cmd = "echo hello; exec sleep 1000"
    [tasks.job]
    type = "once"
    cmd = "echo done"
    """


def test_up_uses_a_service_that_runs_and_stops_the_tasks_in_the_end(cli: Cli) -> None:
    write(cli.folder, TEXT)
    with up(cli) as process:
        wait_for(process, "hello")
        until(lambda: cli.states() == {"web": "running", "job": "completed"})
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0

    assert cli.states()["web"] == "stopped"


def test_up_stops_the_others_where_one_of_its_tasks_was_removed(cli: Cli) -> None:
    write(cli.folder, TEXT)
    with up(cli) as process:
        wait_for(process, "hello")
        until(lambda: cli.states() == {"web": "running", "job": "completed"})
        cli("rm", "job", ok=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0

    assert cli.states() == {"web": "stopped"}


def test_up_starts_a_service_and_ends_it_with_the_tasks(own: Cli) -> None:
    write(own.folder, TEXT)

    for _ in range(2):  # The second time the tasks are there, at rest.
        with up(own, "--port", "0") as process:
            lines = wait_for(process, "hello")
            until(lambda: own.states()["web"] == "running")
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        assert "web:0 | hello" in lines


def test_up_ends_with_its_tasks_when_nobody_reads_it_any_more(cli: Cli) -> None:
    write(cli.folder, '[tasks.chatty]\ncmd = "while echo hello; do sleep 0.05; done"\n')
    with up(cli) as process:
        wait_for(process, "hello")
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""

    assert cli.states() == {"chatty": "stopped"}


def test_up_says_why_its_service_does_not_start(own: Cli) -> None:
    write(own.folder, TEXT)

    process = own.spawn("up", "--port", "99999", stderr=subprocess.PIPE)
    _, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 1
    assert "the service does not start: " in err
    assert "port" in err


def test_every_way_to_choose_lines_works_on_the_command_line(cli: Cli) -> None:
    script = """echo '{"level":"info","n":1}'; echo plain; echo '{"level":"error","n":2}'"""
    say(cli, "log-g", script)
    until(lambda: len(lines(cli, "log-g", "-n", "10")) == 3)
    run = json.loads(lines(cli, "log-g", "-n", "1", "--json")[0])["run"]

    assert lines(cli, "log-g", "--level", "warning") == ['{"level":"error","n":2}']
    assert lines(cli, "log-g", "--run", str(run), "-n", "2")[0] == "plain"
    assert lines(cli, "log-g", "--run", str(run + 1000), "-n", "2") == []
    stamped = lines(cli, "log-g", "-t", "--grep", "plain")
    assert re.fullmatch(r"(\S+ )?[0-9:.]+ plain", stamped[0]), stamped
    assert lines(cli, "log-g", "--until", "2020-01-01", "-n", "5") == []
    assert len(lines(cli, "log-g", "--since", "2020-01-01", "-n", "5")) == 3


def test_a_new_task_shows_its_own_lines_unless_all_are_asked_for(cli: Cli) -> None:
    say(cli, "log-h", "echo old")
    until(lambda: lines(cli, "log-h", "-n", "5") == ["old"])
    cli("rm", "log-h", ok=True)
    say(cli, "log-h", "echo new")
    until(lambda: lines(cli, "log-h", "-n", "5") == ["new"])

    assert lines(cli, "log-h", "-n", "5", "--all") == ["old", "new"]
