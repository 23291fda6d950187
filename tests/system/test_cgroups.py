"""Limits that the kernel enforces, where a cgroup v2 hierarchy is writable: `make test-cgroups`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctor.core.enforcing import CONTROLLERS
from proctor.keeper import limits
from proctor.keeper.cgroup import own_cgroup

from .service import Service, until
from .test_limits import create

JOIN = ("sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"')
PLAIN = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
"""Root without its capabilities may write to what it owns, as any user, and to nothing else."""


@pytest.fixture
def base() -> Iterator[Path]:
    """A cgroup such as a service manager gives to a service."""
    try:
        here = Path(limits.base_of(own_cgroup()))
        usable = limits.usable(str(here))
        if set(usable) == set(CONTROLLERS):
            (here / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in usable))
    except OSError:
        usable = []
    if set(usable) != set(CONTROLLERS):
        pytest.skip("no writable cgroup v2 here that has memory, cpu and pids")
    path = here / f"proctor-test-{os.getpid()}"
    path.mkdir()
    try:
        yield path
    finally:
        until(lambda: (limits.remove(str(path)), not path.exists())[1])


@pytest.fixture
def limited(base: Path, service: Service) -> Service:
    """A service in that cgroup."""
    service.stop()
    return service.start(prefix=[*JOIN, str(base)])


def group(base: Path, name: str) -> Path:
    """Return the cgroup of the only run of a task."""
    (found,) = base.glob(f"proctor-{name}.0-*")
    return found


def numbers(path: Path) -> dict[str, int]:
    words = path.read_text().split()
    return {name: int(text) for name, text in zip(words[::2], words[1::2], strict=True)}


def stop(service: Service, name: str) -> None:
    answer = service.request("POST", f"/v1/tasks/{name}/stop?wait=30")
    assert answer.status in (200, 202), answer
    until(lambda: not service.running(name))


def test_the_api_says_that_the_kernel_limits(base: Path, limited: Service) -> None:
    info = limited.request("GET", "/v1/info").body
    task = create(limited, "web", "sleep 1000", limits={"cpu": 0.5, "pids": 9, "memory_max": "50M"})
    limited.wait_running("web")

    assert info["controllers"] == dict.fromkeys(CONTROLLERS, "cgroup")
    assert set(info["limits"].split()) == {"cgroup", *CONTROLLERS}
    assert task["warnings"] == []
    assert (group(base, "web") / "cpu.max").read_text() == "50000 100000\n"
    assert (group(base, "web") / "pids.max").read_text() == "9\n"
    assert (group(base, "web") / "memory.max").read_text() == f"{50 << 20}\n"


def test_a_fork_bomb_stays_within_its_limit_and_a_stop_leaves_nothing(
    base: Path, limited: Service
) -> None:
    bomb = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
    limit = {"pids": 20, "cpu": 0.3}
    create(limited, "bomb", [sys.executable, "-ISc", bomb], limits=limit)
    limited.wait_running("bomb")
    until(lambda: numbers(group(base, "bomb") / "pids.events")["max"] > 0)
    assert 1 < len(limited.processes()) <= 20

    stop(limited, "bomb")

    assert not limited.processes()
    until(lambda: not list(base.glob("proctor-bomb*")))


def test_a_busy_loop_gets_its_share_and_no_more(base: Path, limited: Service) -> None:
    create(limited, "busy", "while :; do :; done", limits={"cpu": 0.2})
    limited.wait_running("busy")
    file = group(base, "busy") / "cpu.stat"

    stat = until(lambda: found if (found := numbers(file))["nr_throttled"] >= 10 else None)

    # What one period gets at most; a slice of each processor may be overdrawn.
    assert stat["usage_usec"] < 20_000 * (stat["nr_periods"] + 5)


def test_limits_outlive_the_manager_and_the_keeper(base: Path, limited: Service) -> None:
    (gate := limited.state_dir / "gate").unlink(missing_ok=True)
    hog = (
        "import os, sys, time\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        "x = bytearray(200 << 20)"
    )
    limit = {"memory_max": "32M"}
    create(limited, "hog", [sys.executable, "-ISc", hog], type="once", limits=limit)
    before = limited.wait_running("hog")
    where = group(base, "hog")

    limited.kill_manager()
    limited.wait_generation(2)
    limited.kill_keeper()
    limited.wait()
    limited.start(prefix=[*JOIN, str(base / limits.LEAF)])

    assert limited.running("hog") == before
    assert (where / "memory.max").read_text() == f"{32 << 20}\n"
    gate.touch()
    ((_, _, _, error),) = limited.wait_ends("hog")
    assert "oom" in error
    until(lambda: not where.exists())


def test_a_changed_limit_holds_for_the_next_run(base: Path, limited: Service) -> None:
    create(limited, "web", "sleep 1000", limits={"pids": 9})
    limited.wait_running("web")

    answer = limited.request("PATCH", "/v1/tasks/web", {"limits": {"pids": 11}})

    assert answer.status == 200, answer
    until(lambda: [f.read_text() for f in base.glob("proctor-web*/pids.max")] == ["11\n"])


def test_what_cannot_be_started_leaves_no_cgroup(base: Path, limited: Service) -> None:
    create(limited, "none", ["/no/such/program"], type="once", limits={"pids": 9})

    limited.wait_ends("none")

    assert not list(base.glob("proctor-none*"))


def test_a_plain_user_enforces_limits_in_what_was_handed_to_him(
    base: Path, service: Service
) -> None:
    service.stop()
    service.start(prefix=[*JOIN, str(base), *PLAIN])

    create(service, "web", "sleep 1000", limits={"pids": 9})

    service.wait_running("web")
    assert (group(base, "web") / "pids.max").read_text() == "9\n"


def test_a_plain_user_without_a_cgroup_of_his_own_is_told_so(base: Path, service: Service) -> None:
    for path in (base, base / "cgroup.procs", base / "cgroup.subtree_control"):
        os.chown(path, 65534, 65534)
    service.stop()
    service.start(prefix=[*JOIN, str(base), *PLAIN])
    modes = service.request("GET", "/v1/info").body["controllers"]

    task = create(service, "web", "sleep 1000", limits={"pids": 9, "memory_max": "50M"})

    assert modes == {"memory": "watched", "cpu": "none", "pids": "none"}
    assert len(task["warnings"]) == 2
    assert service.wait_running("web")


def test_in_a_namespace_its_root_is_the_base(base: Path, service: Service) -> None:
    inside = 'umount "$0" && mount -t cgroup2 cgroup "$0" && exec "$@"'
    service.stop()
    service.start(
        prefix=[
            *JOIN,
            str(base),
            "unshare",
            "--cgroup",
            "--mount",
            "sh",
            "-c",
            inside,
            str(base.parent),
        ]
    )

    create(service, "web", "sleep 1000", limits={"pids": 9})

    service.wait_running("web")
    assert (group(base, "web") / "pids.max").read_text() == "9\n"


def test_in_a_namespace_without_a_mount_nothing_is_made_elsewhere(
    base: Path, service: Service
) -> None:
    service.stop()
    service.start(prefix=[*JOIN, str(base), "unshare", "--cgroup"])

    modes = service.request("GET", "/v1/info").body["controllers"]

    assert modes == {"memory": "watched", "cpu": "none", "pids": "none"}
