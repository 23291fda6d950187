from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from proctor.client import models
from tests.manifest.support import write
from tests.system.service import until

from .support import Cli

TEXT = """
    [tasks.web]
    cmd = "exec sleep 1000"
    replica = 2
    description = "old"
    [tasks.db]
    cmd = "exec sleep 1000"
    [tasks.job]
    type = "once"
    cmd = "true"
    """


def pids(cli: Cli) -> dict[str, list[int]]:
    return {task["name"]: task["pids"] for task in cli("ls", "--json", ok=True).json}


def test_apply_makes_what_is_not_there_and_a_second_one_does_nothing(cli: Cli) -> None:
    write(cli.folder, TEXT)

    first = cli("apply")
    before = pids(cli)
    second = cli("apply")

    assert first.status == 0
    assert "+ web  created" in first.out
    assert ["job", "completed", "-"] in first.rows
    assert second.out == "0 tasks changed, 3 unchanged\n"
    assert pids(cli) == before


def test_apply_touches_only_what_changed_and_says_it_first(cli: Cli) -> None:
    write(cli.folder, TEXT)
    cli("apply", ok=True)
    before = pids(cli)
    write(cli.folder, TEXT.replace('"old"', '"new"').replace("[tasks.db]", "[tasks.db]\nnice = 1"))

    dry = cli("apply", "--dry-run")
    untouched = pids(cli)
    applied = cli("apply")

    assert "~ web  updated\n" in dry.out
    assert 'description: "old" -> "new"\n' in dry.out
    assert "~ db  updated, restarts db:0" in dry.out
    assert "nice: null -> 1  (restarts)" in dry.out
    assert "2 tasks would change, 1 unchanged" in dry.out
    assert untouched == before
    assert applied.status == 0
    assert pids(cli)["web"] == before["web"]
    assert pids(cli)["db"] != before["db"]

    write(cli.folder, TEXT.replace("replica = 2", "replica = 1"))
    assert "~ web  updated, stops web:1\n" in cli("apply", "--dry-run").out


def test_a_task_says_which_file_it_is_from_and_what_was_changed_since(cli: Cli) -> None:
    write(cli.folder, TEXT)
    cli("apply", ok=True)
    cli("scale", "web", "3", ok=True)

    changed = cli("describe", "web", ok=True)
    write(cli.folder, TEXT.replace("replica = 2", "replica = 3"))
    again = cli("apply", ok=True)
    known = cli("describe", "web", ok=True)

    line = rf"  from +{re.escape(str(cli.folder))}/proctor\.toml, applied \d\d:\d\d:\d\d"
    assert re.search(rf"^{line}; changed since: replica$", changed.out, re.M)
    assert again.out == "0 tasks changed, 3 unchanged\n"
    assert re.search(rf"^{line}$", known.out, re.M)
    cli("add", "mine", "--", "sleep", "1000", ok=True)
    assert "  from " not in cli("describe", "mine", ok=True).out


def test_prune_removes_what_the_file_had_and_nothing_else(cli: Cli) -> None:
    cli("add", "mine", "--", "sleep", "1000", ok=True)
    write(cli.folder, TEXT)
    cli("apply", ok=True)
    write(cli.folder, TEXT.partition("[tasks.db]")[0])

    kept = cli("apply", ok=True)
    dry = cli("apply", "--prune", "--dry-run", "--json", ok=True).json
    cli("apply", "--prune", ok=True)

    assert "unchanged" in kept.out
    assert {step["task"]: step["result"] for step in dry} == {
        "web": "unchanged",
        "db": "removed",
        "job": "removed",
    }
    assert set(cli.states()) == {"mine", "web"}


def test_a_refusal_names_the_line_before_anything_is_done(cli: Cli) -> None:
    write(cli.folder, TEXT + '[tasks.bad]\ncmd = "true"\nuser = "no-such-user"\n')

    refused = cli("apply")

    assert refused.status == 2
    assert "proctor.toml:13: tasks.bad: user 'no-such-user' does not exist here" in refused.err
    assert cli.states() == {}


def test_a_circle_of_dependencies_is_told_before_anything_is_done(cli: Cli) -> None:
    cli("add", "old", "--dep", "one", "--", "sleep", "1000", "--no-wait")
    known = cli.states()
    two = '[tasks.two]\ncmd = "true"\ndeps = ["old"]\n'
    write(cli.folder, two + '[tasks.one]\ncmd = "true"\ndeps = [{task = "two", until = "ready"}]\n')

    for more in ([], ["--dry-run"]):
        refused = cli("apply", *more)

        assert refused.status == 2
        assert refused.out == ""
        assert re.search(r"proctor.toml:[36]: tasks.\w+: dependency cycle: ", refused.err)
    assert cli.states() == known


def test_two_tasks_may_change_which_of_them_depends_on_the_other(cli: Cli) -> None:
    one, two = '[tasks.{}]\ncmd = "exec sleep 1000"\n', 'deps = ["{}"]\n'
    write(cli.folder, one.format("a") + two.format("b") + one.format("b"))
    cli("apply", ok=True)
    write(cli.folder, one.format("b") + two.format("a") + one.format("a"))

    dry = cli("apply", "--dry-run", ok=True)
    cli("apply", ok=True)

    assert '    deps: [] -> ["a"]\n' in dry.out
    assert '    deps: [{"task":"b"}] -> []\n' in dry.out
    assert {t["name"]: t["deps"] for t in cli("ls", "--json").json} == {"a": [], "b": ["a"]}


def test_a_wrong_file_is_a_wrong_use(cli: Cli) -> None:
    write(cli.folder, "[tasks.web]\ncomand = 1")

    assert cli("apply").status == 2
    assert cli("apply", "-f", "nowhere.toml").status == 2


def test_a_task_that_does_not_come_up_fails_the_apply(cli: Cli) -> None:
    write(cli.folder, '[tasks.web]\ncmd = ["/no/such"]')

    applied = cli("apply")

    assert applied.status == 1
    assert "web is backoff: no such file: /no/such" in applied.err


def test_the_environment_of_a_changed_task_is_that_of_the_file(cli: Cli) -> None:
    show = 'printf \'%s/%s\' "$KEPT" "${GONE-unset}" > out; exec sleep 1000'
    text = f"[tasks.web]\ncmd = {json.dumps(show)}\n[tasks.web.env]\nKEPT = '%(x)s'\n"
    write(cli.folder, text + "GONE = '1'")
    cli("apply", ok=True)
    write(cli.folder, text)
    cli("apply", ok=True)

    until(lambda: (cli.folder / "out").read_text() == "%(x)s/unset")


def test_completion_knows_tasks_and_replicas(cli: Cli) -> None:
    cli("add", "web", "--replica", "2", "--", "sleep", "1000", ok=True)

    def completed(words: str, word: str) -> list[str]:
        env = {"_PROCTOR_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": word}
        return [line.partition(",")[2] for line in cli(env=env).out.splitlines()]

    assert "web" in completed("proctor stop w", "2")
    assert completed("proctor stop web:", "2") == ["web:0", "web:1"]
    assert "describe" in completed("proctor desc", "1")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_script_for_each_shell(cli: Cli, shell: str) -> None:
    script = cli("completion", shell, ok=True).out

    assert "_PROCTOR_COMPLETE" in script
    if found := shutil.which(shell):
        subprocess.run([found, "-n"], input=script, text=True, check=True, timeout=60)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_bash_completes_replicas_though_it_breaks_words_at_colons(cli: Cli) -> None:
    cli("add", "web", "--replica", "2", "--", "sleep", "1000", ok=True)
    program = Path(sys.executable).with_name("proctor")

    def completed(*words: str, line: str) -> list[str]:
        ask = f'COMP_LINE="$0"; COMP_WORDS=("$@"); COMP_CWORD={len(words) - 1}\n'
        ask += f'_proctor_completion {program}; printf "%s\\n" "${{COMPREPLY[@]}}"'
        script = cli("completion", "bash", ok=True).out + ask
        env = {k: v for k, v in os.environ.items() if not k.startswith("PROCTOR_")}
        env |= cli.environment
        done = subprocess.run(
            ["bash", "-c", script, line, *words],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.split()

    assert completed("proctor", "stop", "we", line="proctor stop we") == ["web"]
    assert completed("proctor", "stop", "web", ":", line="proctor stop web:") == ["0", "1"]
    quoted = completed("proctor", "logs", "-n", "1", "'web:1", line="proctor logs -n 1 'web:1")
    assert quoted == ["web:1"]
    given = "proctor logs web:0 --since=1m web:1"
    words = ["proctor", "logs", "web", ":", "0", "--since", "=", "1m", "web", ":", "1"]
    assert completed(*words, line=given) == ["1"]


def test_doctor_says_what_is_in_trouble(cli: Cli) -> None:
    well = cli("doctor")
    cli("add", "web", "--", "/no/such")
    ill = cli("doctor", "--json")

    assert well.status == 0, well
    assert ill.status == 1
    faults = [finding for finding in ill.json if finding["verdict"] == "fault"]
    assert len(faults) == 1
    assert faults[0]["advice"] == "proctor describe web"


def test_the_client_knows_no_field_that_the_api_has_not() -> None:
    from proctor.api.schemas import metrics, selection, streams, system, tasks

    pairs = {
        models.TaskSummary: tasks.TaskSummary,
        models.TaskList: tasks.TaskList,
        models.Task: tasks.TaskDetails,
        models.Replica: tasks.ReplicaEntry,
        models.Check: tasks.CheckEntry,
        models.Exit: tasks.ExitEntry,
        models.PutResult: tasks.PutResponse,
        models.Change: tasks.ChangeEntry,
        models.Run: tasks.RunEntry,
        models.RunList: tasks.RunList,
        models.Operation: selection.OperationResponse,
        models.Target: selection.TargetEntry,
        models.Info: system.InfoResponse,
        models.Health: system.HealthResponse,
        models.Graph: system.GraphResponse,
        models.Fires: system.ScheduleResponse,
        models.Fire: system.FireEntry,
        models.Usage: metrics.MetricsResponse,
        models.TaskUsage: metrics.TaskUsage,
        models.ReplicaUsage: metrics.ReplicaUsage,
        models.LogLine: streams.LogEntry,
        models.Event: streams.EventEntry,
    }
    for ours, theirs in pairs.items():
        assert set(ours.__struct_fields__) == set(theirs.__struct_fields__), ours
