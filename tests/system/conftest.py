from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .service import Service

Instance = Callable[..., Service]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """Make instances that are not started yet.

    At the end each that runs is stopped and has to exit 0, and none may leave a process alive,
    its own or one that a task started.
    """
    made: list[Service] = []

    def make(*arguments: str, **options: object) -> Service:
        service = Service(tmp_path / f"s{len(made)}", *arguments, **options)  # type: ignore[arg-type]
        made.append(service)
        return service

    faults = []
    try:
        yield make
    finally:
        for service in made:
            try:
                if not service.stopped and (status := service.stop()) != 0:
                    faults.append(f"exit status {status}")
            finally:
                faults += [f"left alive: {left}" for left in service.kill_survivors()]
                if not service.may_log_tracebacks:
                    faults += [text for text in service.text if "Traceback" in text]
    assert not faults, faults


@pytest.fixture
def service(instance: Instance) -> Service:
    """A service that runs, on a state directory of its own."""
    return instance().start()


@pytest.fixture(scope="session")
def _shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("shared") / "s").start()
    try:
        yield service
        assert service.stop() == 0
    finally:
        left = service.kill_survivors()
    assert not left, left


@pytest.fixture
def shared(_shared_service: Service) -> Iterator[Service]:
    """A service for tests that leave nothing behind in it, for speed."""
    yield _shared_service
    left = _shared_service.get()
    for name in left["tasks"]:
        _shared_service.delete(name)
    assert left == {"running": [], "tasks": {}}
    assert not [text for text in _shared_service.text if "Traceback" in text]
