"""How limits are enforced, with and without cgroups."""

from __future__ import annotations

from proctor.core.enforcing import enforced, warnings, watched
from proctor.core.spec import Limits

ALL = ("memory", "cpu", "pids")


def test_each_kind_says_by_what_it_is_limited() -> None:
    assert enforced(ALL) == {"memory": "cgroup", "cpu": "cgroup", "pids": "cgroup"}
    assert enforced(()) == {"memory": "watched", "cpu": "none", "pids": "none"}
    assert enforced(("pids",)) == {"memory": "watched", "cpu": "none", "pids": "cgroup"}


def test_memory_is_watched_where_the_kernel_does_not_see_to_it() -> None:
    both = Limits(memory_max=100, memory_restart=200)
    assert watched(both, ALL) == ("memory_restart", 200)
    assert watched(both, ("cpu",)) == ("memory_max", 100)
    assert watched(Limits(memory_max=300, memory_restart=200), ()) == ("memory_restart", 200)
    assert watched(Limits(memory_max=100), ALL) is None
    assert watched(Limits(cpu=1.0, pids=5), ()) is None


def test_what_does_not_hold_is_warned_of() -> None:
    limits = Limits(memory_max=1, memory_high=1, cpu=0.5, pids=7, memory_restart=1)
    assert list(warnings(limits, ALL)) == []
    found = list(warnings(limits, ("pids",)))
    assert [text.split()[0] for text in found] == [
        "limits.memory_max",
        "limits.memory_high",
        "limits.cpu",
    ]
    assert "watched, not enforced" in found[0]
    assert "not enforced" in found[2]
    assert list(warnings(Limits(), ())) == []
