"""A full disk costs output, never a task and never the service."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Instance
from .service import Service, alive, until

SIZE = 8 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "proctor-test", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def full(small_disk: Path, instance: Instance) -> Service:
    """A service whose disk is filled up by somebody else; a daemon that prints lives in it."""
    service = instance("--unix-socket", "none")
    service.state_dir = small_disk / "state"
    service.start()
    service.must_post(
        "printer",
        "exec 9>&1; while :; do echo 0123456789012345678901234567890123456789; sleep 0.001; done",
        type="daemon",
    )
    until(lambda: service.segments("printer"))
    with open(small_disk / "ballast", "wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(65536))
        except OSError:
            pass
        try:
            while True:
                ballast.write(bytes(64))
        except OSError:
            pass
    return service


def test_tasks_go_on_and_the_loss_is_reported(full: Service, small_disk: Path) -> None:
    (pid,) = full.running("printer")

    loss = full.wait_event("output_lost", replica="printer:0")

    assert alive(pid)
    assert loss["bytes"] > 0
    assert full.running("printer") == [pid]
    answer = full.post("more", "true")
    assert answer.status in (200, 507), answer
    if answer.status == 507:
        assert "more" not in full.tasks()
    (small_disk / "ballast").unlink()

    until(lambda: full.post("again", "exit 3").status in (200, 409))
    assert full.wait_ends("again") == [(0, 3, None, None)]
    before = len(full.output("printer")["printer:0"])
    until(lambda: len(full.output("printer")["printer:0"]) > before)
    assert full.running("printer") == [pid]


def test_a_daemon_that_dies_meanwhile_is_started_again(full: Service, small_disk: Path) -> None:
    (before,) = full.running("printer")
    full.wait_event("output_lost", replica="printer:0")

    os.kill(before, 9)

    (after,) = until(lambda: p if (p := full.running("printer")) and p != [before] else None)
    assert alive(after)
    (small_disk / "ballast").unlink()
    assert full.delete("printer").status == 200
    assert full.processes() == []


def test_no_run_is_begun_that_could_not_be_recorded_but_a_stop_is_possible(full: Service) -> None:
    (pid,) = full.running("printer")
    until(lambda: full.post("more", "true").status == 507)

    assert full.request("PUT", "/proc?name=printer").status == 507
    assert full.request("POST", "/v1/tasks/printer/restart").status == 507

    assert full.running("printer") == [pid]
    assert full.request("POST", "/v1/tasks/printer/stop").status == 202
    until(lambda: full.running("printer") == [] and not alive(pid))


def test_the_manager_can_die_while_the_disk_is_full(full: Service, small_disk: Path) -> None:
    before = full.running("printer")
    full.wait_event("output_lost", replica="printer:0")

    full.kill_manager()

    assert full.running("printer") == before
    assert full.stop() == 0
    (small_disk / "ballast").unlink()


def test_the_logs_quota_holds(instance: Instance, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('[output]\nsegment_size = "64 KiB"\nreplica_quota = "256 KiB"\n')
    service = instance("--config", str(settings)).start()

    service.must_post("much", "yes | head -c 5000000; echo last")
    service.wait_ends("much")
    until(lambda: service.output("much")["much:0"].endswith(b"last\n"))

    kept = service.segments("much")
    assert 64 << 10 <= len(kept) <= 320 << 10
    assert service.output("much")["much:0"] == kept


def test_output_alone_does_not_fill_the_disk(small_disk: Path, instance: Instance) -> None:
    service = instance("--unix-socket", "none")
    service.state_dir = small_disk / "state"
    service.start()
    service.must_post("flood", "yes", type="daemon")
    folder = service.state_dir / "logs" / "flood" / "0"
    first = folder / f"{0:020}.log"
    until(lambda: any(folder.glob("*.log")) and not first.exists())  # What came first is dropped.

    service.must_post("more", "exit 3")

    assert service.wait_ends("more") == [(0, 3, None, None)]
    assert service.delete("flood").status == 200
    assert not service.events("output_lost")
