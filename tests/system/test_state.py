"""What was acknowledged survives the service; what cannot be read is left alone."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from .conftest import Instance
from .service import Service, alive, until


def test_a_restart_of_the_service_starts_daemons_again_and_once_not(
    service: Service, tmp_path: Path
) -> None:
    audit = tmp_path / "audit"
    service.must_post("daemon", f"echo d >>{audit}; sleep 1000", type="daemon", replica=2)
    service.must_post("over", f"echo o >>{audit}; exit 3")
    service.must_post("going", f"echo g >>{audit}; sleep 1000")
    service.must_post("removed", "sleep 1000", type="daemon")
    service.must_post("sometimes", "true", type="cron", cron="@yearly")
    before = service.wait_running("daemon", 2)
    service.wait_running("going")
    service.wait_ends("over")
    until(lambda: len(audit.read_text()) == 8)
    assert service.delete("removed").status == 200
    tasks = service.tasks()

    assert service.stop() == 0
    assert not any(map(alive, before))
    service.start()

    after = service.wait_running("daemon", 2)
    assert not set(before) & set(after)
    until(lambda: len(audit.read_text()) == 12)
    assert audit.read_text().split().count("d") == 4
    assert service.running("going") == service.running("over") == []
    assert set(service.tasks()) == {"daemon", "over", "going", "sometimes"}
    for name in ("over", "sometimes"):
        assert service.tasks()[name] == tasks[name]
    # A task that was interrupted is over: it is not run a second time.
    assert service.ends("going") == [(0, None, signal.SIGTERM, None)]


def test_what_was_answered_with_200_survives_a_kill_of_everything(service: Service) -> None:
    for n in range(20):
        service.must_post(f"cron{n}", "true", type="cron", cron="@yearly")
    assert service.delete("cron7").status == 200
    os.kill(service.keeper_pid, signal.SIGSTOP)
    service.kill_manager()
    service.kill_keeper()
    service.wait()

    service.start()

    assert set(service.tasks()) == {f"cron{n}" for n in range(20) if n != 7}


def refuses(service: Service) -> str:
    seen = len(service.text)
    service.spawn()
    assert service.wait() == 2
    (line,) = service.text[seen:]
    return line


def test_a_damaged_database_is_refused_and_left_alone(instance: Instance) -> None:
    service = instance().start()
    for n in range(50):
        service.must_post(f"task{n}", "true", type="cron", env={"TEXT": "x" * 500})
    assert service.stop() == 0
    whole = service.db.read_bytes()
    half = bytearray(whole)
    half[4096:] = os.urandom(len(whole) - 4096)

    for damaged in (bytes(half), b"no database at all\n" * 300, whole[: len(whole) // 2]):
        service.db.write_bytes(damaged)
        line = refuses(service)
        assert "left as it is" in line
        assert service.db.read_bytes() == damaged

    service.db.write_bytes(whole)
    service.start()
    assert len(service.tasks()) == 50


def test_a_newer_database_is_refused_and_left_alone(instance: Instance) -> None:
    service = instance().start()
    assert service.stop() == 0
    with closing(sqlite3.connect(service.db)) as db:
        db.execute("PRAGMA user_version = 1000")
    newer = service.db.read_bytes()

    line = refuses(service)

    assert "newer" in line
    assert service.db.read_bytes() == newer


def test_a_stop_ends_all_though_no_manager_can_read_the_database_any_more(
    service: Service,
) -> None:
    service.must_post("daemon", "sleep 1000", type="daemon")
    service.wait_running("daemon")
    service.send(signal.SIGSTOP)
    service.kill_manager()
    for path in service.state_dir.glob("proctor.db-*"):
        path.unlink()
    service.db.write_bytes(b"rubbish" * 3000)
    service.send(signal.SIGCONT)
    service.wait_event("cannot_start", count=2)
    assert len(service.processes()) == 1

    service.send(signal.SIGTERM)

    assert service.wait() == 1
    assert service.processes() == []
    assert service.db.read_bytes().startswith(b"rubbish")
