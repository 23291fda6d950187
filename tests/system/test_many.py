"""Many of everything."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .service import Service, until


def test_of_200_posts_of_one_name_exactly_one_succeeds(service: Service, tmp_path: Path) -> None:
    audit = tmp_path / "audit"

    def post(n: int) -> int:
        return service.post("same", f"echo {n} >>{audit}; exec sleep 1000").status

    with ThreadPoolExecutor(50) as pool:
        answers = Counter(pool.map(post, range(200)))

    assert answers == {200: 1, 409: 199}
    until(audit.exists)
    assert len(service.processes()) == 1
    assert len(audit.read_text().split()) == 1


def test_posts_restarts_and_stops_at_once_leave_nothing(service: Service) -> None:
    def live(n: int) -> set[int]:
        name = f"task{n % 5}"
        answers = {service.post(name, "exec sleep 1000", type="daemon", interval=0).status}
        answers |= {service.put(name).status for _ in range(3)}
        return answers | {service.delete(name).status}

    with ThreadPoolExecutor(10) as pool:
        answers = set().union(*pool.map(live, range(50)))

    assert answers <= {200, 404, 409}
    for n in range(5):
        service.delete(f"task{n}")
    assert service.get() == {"running": [], "tasks": {}}
    assert service.processes() == []


def test_500_replicas_start_and_stop(service: Service) -> None:
    service.must_post("crowd", "exec sleep 1000", type="daemon", replica=500)

    pids = service.wait_running("crowd", 500)

    assert len(set(pids)) == 500
    assert set(service.processes_by_run().values()) == {1}
    service.kill_manager()
    assert service.running("crowd") == pids
    assert service.delete("crowd").status == 200
    assert service.processes() == []


def test_the_limit_of_replicas_is_checked(shared: Service) -> None:
    for replica in (0, -1, 10_001, 10**30, 1.5, "2", None, True):
        answer = shared.post("many", "true", replica=replica)  # type: ignore[arg-type]
        assert answer.status == 400, (replica, answer)
        assert "replica" in answer.body["msg"]
