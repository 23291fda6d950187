"""Cgroups of runs, for real where a cgroup v2 hierarchy is writable."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from proctor.keeper import limits
from proctor.keeper.cgroup import below_mount, own_cgroup

from .harness import BASE, KeeperProcess, Talk, marked, order, wait_for


def hierarchy() -> tuple[str, list[str]]:
    """Return where the service's cgroup would be, and its controllers."""
    try:
        base = limits.base_of(own_cgroup())
        return base, Path(base, "cgroup.controllers").read_text().split()
    except OSError:
        return "", []


HERE, CONTROLLERS = hierarchy()
needs_cgroups = pytest.mark.skipif(
    not HERE or not os.access(HERE, os.W_OK), reason="no writable cgroup v2 here"
)


def needs(controller: str) -> pytest.MarkDecorator:
    reason = f"cgroup v2 has no `{controller}` here (it is v1's, or not handed down to us)"
    return pytest.mark.skipif(controller not in CONTROLLERS, reason=reason)


def cgroup(run: int, **files: str) -> dict[str, Any]:
    names = {name.replace("_", "."): text for name, text in files.items()}
    return {"name": "web.0", "mark": BASE | run, "set": names}


def path_of(run: int) -> Path:
    return Path(HERE, f"proctor-web.0-{BASE | run:x}")


def kill(talk: Talk, run: int) -> None:
    """Have all of a run killed, and wait until nothing is left."""
    talk.say("kill", run=run)
    if talk.wait("exited", run)["left"]:
        talk.wait("gone", run)


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Kill and remove what a test and its keeper leave of run 7."""
    yield
    if path_of(7).is_dir():
        limits.kill(str(path_of(7)))
        wait_for("its end", lambda: (limits.remove(str(path_of(7))), not path_of(7).exists())[1])


# Decisions and paths.


def test_the_base_is_where_the_service_was_started() -> None:
    assert limits.base_of("/sys/fs/cgroup/system.slice/p.service") == (
        "/sys/fs/cgroup/system.slice/p.service"
    )
    assert limits.base_of("/sys/fs/cgroup/a/proctor.service") == "/sys/fs/cgroup/a"
    assert limits.base_of("/sys/fs/cgroup") == "/sys/fs/cgroup"


def test_a_cgroup_is_found_below_the_mount_that_shows_it() -> None:
    def found(own: str, root: str) -> str | None:
        v1 = "30 24 0:27 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n"
        return below_mount(own, [v1, f"42 30 0:39 {root} /cg rw,nosuid - cgroup2 cgroup2 rw\n"])

    assert found("/", "/") == "/cg"
    assert found("/a/b", "/") == "/cg/a/b"
    assert found("/a/b", "/a") == "/cg/b"
    assert found("/a", "/a") == "/cg"
    assert found("/ab", "/a") is None
    assert found("/", "/..") is None  # A namespace without a mount of its own.
    assert found("/", "/../..") is None


def test_only_known_controllers_that_can_be_written_are_usable(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").touch()
    with pytest.raises(OSError, match=r"cgroup\.controllers"):
        limits.usable(str(tmp_path))
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory hugetlb pids\n")
    assert limits.usable(str(tmp_path)) == ["cpu", "memory", "pids"]
    (tmp_path / "cgroup.subtree_control").unlink()
    assert limits.usable(str(tmp_path)) == []


def test_a_kill_for_memory_is_read_from_the_events(tmp_path: Path) -> None:
    assert not limits.out_of_memory(str(tmp_path))
    events = tmp_path / "memory.events"
    events.write_text("low 0\nhigh 12\nmax 3\noom 1\noom_kill 0\noom_group_kill 0\n")
    assert not limits.out_of_memory(str(tmp_path))
    events.write_text("low 0\nhigh 12\nmax 3\noom 1\noom_kill 2\noom_group_kill 1\n")
    assert limits.out_of_memory(str(tmp_path))


# For real.


def test_without_controllers_the_run_is_not_limited_and_runs(talk: Talk) -> None:
    """Also where there are controllers: none of them is called so."""
    status, output = talk.run(1, "echo", "ran", cgroup=cgroup(1, none_max="1"))
    assert (status, output) == (0, b"ran\n")


@needs_cgroups
def test_a_run_is_put_in_a_cgroup_with_all_it_starts(talk: Talk) -> None:
    Path(path_of(7)).mkdir()
    try:
        group = {"path": str(path_of(7))}
        pid = talk.spawn(7, "sh", "-c", "setsid sleep 1000 & exec sleep 1000", cgroup=group)
        wait_for("both", lambda: len(marked(BASE | 7)) == 2)
        inside = (path_of(7) / "cgroup.procs").read_text().split()
        assert sorted(inside) == sorted(map(str, marked(BASE | 7)))
        assert str(pid) in inside

        kill(talk, 7)
        assert (path_of(7) / "cgroup.procs").read_text() == ""
        talk.say("ack", runs=[7])
        wait_for("removal", lambda: not path_of(7).exists())
    finally:
        limits.remove(str(path_of(7)))


@needs_cgroups
def test_a_command_joins_the_cgroup_of_a_run_and_does_not_take_it_along(talk: Talk) -> None:
    path_of(7).mkdir()
    try:
        talk.spawn(7, "sleep", "1000", cgroup={"path": str(path_of(7))})
        beside = 1 << 31
        found = talk.shell(beside, "cat /proc/self/cgroup", join=7)
        assert f"/{path_of(7).name}\n" in found
        talk.say("ack", runs=[beside])
        assert path_of(7).exists()
        assert len(marked(BASE | 7)) == 1
        kill(talk, 7)
    finally:
        limits.remove(str(path_of(7)))


@needs_cgroups
def test_what_forks_faster_than_it_is_found_is_killed_in_one_step(talk: Talk) -> None:
    path_of(7).mkdir()
    code = "import os\nwhile True:\n  if os.fork(): os._exit(0)\n  os.setsid()"
    try:
        talk.spawn(7, sys.executable, "-c", code, cgroup={"path": str(path_of(7))})
        wait_for("life", (path_of(7) / "cgroup.procs").read_text)
        limits.kill(str(path_of(7)))
        kill(talk, 7)
        assert (path_of(7) / "cgroup.procs").read_text() == ""
    finally:
        limits.remove(str(path_of(7)))


@needs_cgroups
@needs("memory")
def test_memory_beyond_the_limit_ends_the_run_and_says_so(talk: Talk) -> None:
    code = "x = bytearray(512 << 20)"
    limit = cgroup(7, memory_max=str(64 << 20), memory_oom_group="1", memory_swap_max="0")
    talk.spawn(7, sys.executable, "-c", code, cgroup=limit)
    end = talk.wait("exited", 7)
    assert os.WTERMSIG(end["status"]) == 9
    assert end["oom"]


@needs_cgroups
@needs("pids")
def test_no_more_processes_than_allowed_can_be_made(talk: Talk) -> None:
    script = "for i in 1 2 3 4 5 6; do sleep 1000 & done; wait"
    talk.spawn(7, "sh", "-c", script, cgroup=cgroup(7, pids_max="4"))
    wait_for("refusal", lambda: "max 0" not in (path_of(7) / "pids.events").read_text())
    assert len(marked(BASE | 7)) <= 4


@needs_cgroups
@needs("pids")
def test_nothing_stays_of_a_run_that_could_not_be_started(talk: Talk) -> None:
    talk.say("spawn", **order(7, "/no/such/program", cgroup=cgroup(7, pids_max="4")))
    talk.wait("failed", 7)
    assert not path_of(7).exists()


@needs_cgroups
@needs("cpu")
def test_no_more_cpu_than_allowed_is_used(talk: Talk) -> None:
    limit = cgroup(7, cpu_max="20000 100000")
    talk.spawn(7, "sh", "-c", "while :; do :; done", cgroup=limit)
    throttled = path_of(7) / "cpu.stat"
    wait_for("throttling", lambda: "nr_throttled 0" not in throttled.read_text())


SOME = {"pids": "pids.max", "memory": "memory.max", "hugetlb": "hugetlb.2MB.max"}
"""A file of each controller of which one is likely to be there, to write 0 to."""


@pytest.fixture
def own_base() -> Iterator[tuple[Path, str]]:
    """A cgroup such as a service manager gives to a service, and a controller that it has."""
    controller = next((name for name in CONTROLLERS if name in SOME), None)
    if controller is None or not os.access(HERE, os.W_OK):
        pytest.skip("no writable cgroup v2 here with a controller")
    base = Path(HERE, f"proctor-test-{os.getpid()}")
    base.mkdir()
    handed = Path(HERE, "cgroup.subtree_control")
    before = handed.read_text().split()
    try:
        handed.write_text(f"+{controller}")
        yield base, controller
    finally:
        limits.remove(str(base))
        if controller not in before:
            with suppress(OSError):  # Somebody else uses it by now.
                handed.write_text(f"-{controller}")


def test_everything_in_the_base_moves_down_before_the_first_limit(
    own_base: tuple[Path, str],
) -> None:
    base, controller = own_base
    groups = limits.Cgroups()
    groups.base, groups.controllers = str(base), [controller]
    with subprocess.Popen(["sleep", "1000"]) as one:
        (base / "cgroup.procs").write_text(str(one.pid))

        joined = groups.made(cgroup(7) | {"set": {SOME[controller]: "0", "none.max": "1"}})

        assert joined == f"{base}/proctor-web.0-{BASE | 7:x}/cgroup.procs"
        assert (base / "cgroup.procs").read_text() == ""
        assert (base / limits.LEAF / "cgroup.procs").read_text() == f"{one.pid}\n"
        assert Path(joined).with_name(SOME[controller]).read_text() == "0\n"
        one.kill()


def test_a_limit_that_cannot_be_set_keeps_nothing_from_running(own_base: tuple[Path, str]) -> None:
    base, controller = own_base
    groups = limits.Cgroups()
    groups.base, groups.controllers = str(base), [controller]

    assert groups.made(cgroup(7) | {"set": {SOME[controller]: "nonsense"}}) is None

    assert not list(base.glob("proctor-web*"))


@needs_cgroups
def test_another_keeper_finds_the_cgroup_of_a_run(keeper: KeeperProcess, talk: Talk) -> None:
    path_of(7).mkdir()
    try:
        pid = talk.spawn(7, "sleep", "1000", cgroup={"path": str(path_of(7))})
        assert limits.of_run(pid, BASE | 7) == str(path_of(7))
        assert limits.of_run(pid, BASE | 8) == ""
        kill(talk, 7)
    finally:
        limits.remove(str(path_of(7)))
