from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proctor.keeper import command

from .harness import KeeperProcess, Talk, order, running

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the user")
NICE = os.getpriority(os.PRIO_PROCESS, 0)


def failure(talk: Talk, run: int, *argv: str, **rest: Any) -> tuple[str, int]:
    talk.say("spawn", **order(run, *argv, **rest))
    frame = talk.wait("failed", run)
    return frame["what"], frame["errno"]


def test_a_process_gets_its_arguments_and_exactly_its_environment(talk: Talk) -> None:
    env = {"A": "x y", "B": "ü\udcff"}

    _, output = talk.run(1, "env", "-0", env=env)
    _, args = talk.run(2, "printf", "<%s>", "a b", "*", "")

    names = {line.partition(b"=")[0] for line in output.rstrip(b"\0").split(b"\0")}
    assert names == {b"PATH", b"PROCTOR_MARK", b"A", b"B"}
    assert os.fsencode("B=ü\udcff") in output.split(b"\0")
    assert args == b"<a b><*><>"


def test_stdout_and_stderr_are_one_pipe_that_can_be_opened_by_name(talk: Talk) -> None:
    script = "echo one; echo two >&2; echo three >/dev/stdout; echo four >/dev/stderr; cat"
    assert talk.shell(1, script) == "one\ntwo\nthree\nfour\n"


def test_the_exit_status_and_what_it_used_are_told(talk: Talk) -> None:
    talk.spawn(1, "/bin/sh", "-c", "exit 7")
    talk.spawn(2, "/bin/sh", "-c", "kill -SEGV $$")

    first, second = talk.wait("exited", 1), talk.wait("exited", 2)

    assert os.waitstatus_to_exitcode(first["status"]) == 7
    assert os.waitstatus_to_exitcode(second["status"]) == -signal.SIGSEGV
    assert first["rss"] > 100_000
    assert first["cpu"] >= 0
    assert not first["left"]


def test_no_descriptor_of_the_keeper_reaches_the_process(talk: Talk) -> None:
    user = {"uid": os.geteuid(), "gid": os.getegid(), "groups": os.getgroups()}
    by_fork = {"user": user} if os.geteuid() == 0 else {"nice": NICE}
    for run, rest in enumerate(({}, by_fork), 1):
        listing = talk.shell(run, "ls -l /proc/self/fd", **rest)
        # The listing itself opens the folder, as number 3.
        fds = [int(line.split(" -> ")[0].split()[-1]) for line in listing.splitlines()[1:]]
        assert fds == [0, 1, 2, 3], listing


def test_signals_are_at_their_defaults_even_under_nohup(tmp_path: Path) -> None:
    blocker = (
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [10, 12, 15]);"
        "os.execvp(sys.argv[1], sys.argv[1:])"
    )
    with running(tmp_path, "nohup", sys.executable, "-c", blocker) as keeper:
        talk = keeper.manager()
        talk.hello()
        for run, rest in ((1, {}), (2, {"nice": NICE})):
            status = talk.shell(run, "grep ^Sig /proc/self/status", **rest)
            lines = dict(line.split(":\t") for line in status.splitlines())
            # glibc's posix_spawn leaves its own two, 32 and 33, ignored; nobody can use those.
            assert int(lines["SigIgn"], 16) & ~(0b11 << 31) == 0, status
            assert int(lines["SigBlk"], 16) == 0, status


def test_it_leads_a_session_of_its_own_with_the_mark(talk: Talk) -> None:
    for run, rest in ((1, {}), (2, {"nice": NICE})):
        pid = talk.spawn(run, "sleep", "60", **rest)
        mark = order(run)["mark"]
        assert os.getsid(pid) == os.getpgid(pid) == pid
        assert f"Max file locks            {mark}" in Path(f"/proc/{pid}/limits").read_text()


@pytest.mark.parametrize("rest", [{}, {"nice": NICE}], ids=["posix_spawn", "fork"])
def test_cwd_and_umask_are_the_orders_and_the_keepers_stay(
    talk: Talk, tmp_path: Path, rest: dict[str, Any]
) -> None:
    before = talk.shell(1, "pwd -P; umask")

    ordered = talk.shell(2, "pwd -P; umask", cwd=str(tmp_path), umask=0o137, **rest)

    assert ordered == f"{tmp_path.resolve()}\n0137\n"
    assert talk.shell(3, "pwd -P; umask") == before


def test_priority_and_limits_are_the_orders(talk: Talk) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limits = [[resource.RLIMIT_NOFILE, 77, hard], [resource.RLIMIT_CORE, 0, 4096 * 1024]]

    output = talk.shell(1, "ulimit -n; ulimit -Hc; nice", rlimits=limits, nice=NICE + 3)

    assert output.split()[0] == "77"
    assert int(output.split()[1]) in (4096, 8192)  # dash counts in blocks of 512 bytes.
    assert int(output.split()[2]) == NICE + 3
    assert int(talk.shell(2, "nice")) == NICE


def test_the_keeper_may_hold_more_descriptors_than_its_runs(tmp_path: Path) -> None:
    """Each run costs it one; programs walk through as many as their limit says."""
    for run, rest in ((1, {}), (2, {"nice": NICE})):
        folder = tmp_path / str(run)
        folder.mkdir()
        with running(folder, "sh", "-c", 'ulimit -Sn 64; exec "$@"', "sh") as keeper:
            talk = keeper.manager()
            talk.hello()
            for other in range(100, 180):
                talk.spawn(other, "sleep", "600")
            assert talk.shell(run, "ulimit -Sn", **rest) == "64\n"
            talk.say("reload")
            os.kill(talk.bridge, signal.SIGKILL)
            talk = keeper.manager()
            talk.hello()
            assert talk.shell(3, "ulimit -Sn", **rest) == "64\n"


def test_the_oom_score_is_the_orders(talk: Talk) -> None:
    own = int(Path("/proc/self/oom_score_adj").read_text())
    for run, more in ((1, 1), (2, 0)):
        score = str(min(1000, own + more))
        rest = {"oom_score_adj": int(score)} if more else {}
        assert talk.shell(run, "cat /proc/self/oom_score_adj", **rest).strip() == score


def test_the_pipe_ends_when_its_last_writer_ends(talk: Talk) -> None:
    talk.spawn(1, "/bin/sh", "-c", "echo x; exec >/dev/null 2>&1; exec sleep 600")
    assert talk.read(1) == b"x\n"


@as_root
def test_user_group_and_groups_are_switched_for_good(talk: Talk, tmp_path: Path) -> None:
    user = {"uid": 12345, "gid": 12346, "groups": [12347, 12348]}
    script = "grep -E '^(Uid|Gid|Groups|CapEff)' /proc/self/status; echo x >/dev/stderr"

    output = talk.shell(1, script, user=user)

    lines = dict(line.split(":\t", 1) for line in output.splitlines() if ":" in line)
    assert lines["Uid"].split() == ["12345"] * 4
    assert lines["Gid"].split() == ["12346"] * 4
    assert lines["Groups"].split() == ["12347", "12348"]
    assert int(lines["CapEff"], 16) == 0
    assert output.endswith("x\n")


@as_root
def test_the_cwd_is_entered_as_the_user(talk: Talk, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    user = {"uid": 12345, "gid": 12346, "groups": []}
    what, number = failure(talk, 1, "pwd", user=user, cwd=str(tmp_path))
    assert (what, number) == (f"cwd {tmp_path}: Permission denied", errno.EACCES)


def test_a_script_without_an_interpreter_line_is_the_shells(talk: Talk, tmp_path: Path) -> None:
    script = tmp_path / "plain"
    script.write_text('echo "$0 $1"\n')
    script.chmod(0o755)
    for run, rest in ((1, {}), (2, {"nice": NICE})):
        assert talk.run(run, str(script), "arg", **rest)[1] == f"{script} arg\n".encode()


@pytest.mark.parametrize("rest", [{}, {"nice": NICE}], ids=["posix_spawn", "fork"])
def test_a_failure_names_the_step_and_the_thing(
    talk: Talk, tmp_path: Path, rest: dict[str, Any]
) -> None:
    path = f"{tmp_path}:/usr/bin"
    (tmp_path / "data").write_text("x")
    bad = tmp_path / "bad.sh"
    bad.write_text("#!/bin/foo -x\n")
    bad.chmod(0o755)

    def fail(run: int, *argv: str, **more: Any) -> tuple[str, int]:
        return failure(talk, run, *argv, **rest, **more)

    assert fail(1, "true", cwd="/nope") == ("cwd /nope: No such file or directory", errno.ENOENT)
    missing = f"no such file: sleeep (looked in PATH {path})"
    assert fail(2, "sleeep", env={"PATH": path}) == (missing, errno.ENOENT)
    assert fail(3, "/nope/prog") == ("no such file: /nope/prog", errno.ENOENT)
    assert fail(4, str(bad)) == (f"{bad}: bad interpreter /bin/foo", errno.ENOENT)
    assert fail(5, str(tmp_path)) == (f"is a directory: {tmp_path}", errno.EACCES)
    denied = f"not executable: {tmp_path}/data"
    assert fail(6, f"{tmp_path}/data") == (denied, errno.EACCES)
    assert fail(7, "data", env={"PATH": path}) == (denied, errno.EACCES)
    assert fail(8, "./data", cwd=str(tmp_path)) == ("not executable: ./data", errno.EACCES)
    assert fail(9, "true", "a\0b")[1] == errno.EINVAL
    assert fail(10, "true", env={"A=B": "1"})[1] == errno.EINVAL
    assert fail(11, "true", "x" * (1 << 18))[1] == errno.E2BIG
    limit = [[resource.RLIMIT_NOFILE, 10, 5]]
    what, number = failure(talk, 12, "true", rlimits=limit)
    assert what.startswith("rlimit nofile 10:5: ")
    assert number in (errno.EPERM, errno.EINVAL)
    assert talk.run(13, "true")[0] == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_without_the_right_to_switch_the_step_is_named(talk: Talk) -> None:
    what, number = failure(talk, 1, "true", user={"uid": 0, "gid": 0, "groups": []})
    assert number == errno.EPERM
    assert what == "output pipe for user 0: Operation not permitted"


def test_a_run_is_started_once_however_often_it_is_ordered(talk: Talk, tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"echo x >>{count}; sleep 60"
    pid = talk.spawn(1, "/bin/sh", "-c", script)
    talk.say("spawn", **order(1, "/bin/sh", "-c", script))
    again = talk.wait("run", 1)
    assert again["pid"] == pid
    assert talk.shell(2, f"cat {count}").count("x") <= 1


def test_an_order_that_means_nothing_fails_and_the_next_one_works(talk: Talk) -> None:
    talk.say("spawn", run=1, mark=2)
    assert talk.wait("failed", 1)["errno"] == errno.EINVAL
    talk.say("spawn", **order(2, "true") | {"umask": "x"})
    assert talk.wait("failed", 2)["errno"] == errno.EINVAL
    talk.say("signal", run="x")
    talk.say("nonsense")
    talk.say("keep", name="x")
    assert talk.run(3, "true")[0] == 0


def test_a_lost_reader_costs_the_writer_no_sigpipe(keeper: KeeperProcess, talk: Talk) -> None:
    """With keeper and manager dead, nobody has the read end any more."""
    pid = talk.spawn(1, "/bin/sh", "-c", "trap '' TERM; while :; do echo x; sleep 0.01; done")
    keeper.process.kill()
    keeper.process.wait()
    talk.close()
    try:
        fd = os.open(f"/proc/{pid}/fd/1", os.O_RDONLY)
        assert b"x\n" in os.read(fd, 100)
        os.close(fd)
    finally:
        os.killpg(pid, signal.SIGKILL)


def test_the_keeper_runs_from_its_folder_alone(tmp_path: Path) -> None:
    """`command` gives an argv that needs no installed package and no environment."""
    with running(tmp_path, "env", "-i") as keeper:
        talk = keeper.manager()
        assert talk.hello()["pid"] == keeper.process.pid


def test_the_keeper_loads_itself_and_little_of_the_standard_library() -> None:
    folder = Path(command([])[3])
    code = (
        "import sys; sys.path.append(sys.argv[1]); import proctor.keeper.keeper;print(*sys.modules)"
    )
    argv = [sys.executable, "-I", "-S", "-c", code, str(folder.parents[1])]
    loaded = set(subprocess.run(argv, capture_output=True, check=True, text=True).stdout.split())
    assert {"proctor.keeper.spawn", "json"} <= loaded
    assert not {"asyncio", "subprocess", "dataclasses", "pathlib", "logging"} & loaded
    ours = {name for name in loaded if name.startswith("proctor.")}
    assert all(name.startswith("proctor.keeper") for name in ours)
