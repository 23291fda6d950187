from __future__ import annotations

from proctor.metrics.procfs import Proc
from proctor.metrics.trees import trees

KEEPER = 10


def proc(parent: int, session: int) -> Proc:
    return Proc(parent, session, ticks=1, threads=1, start=1, rss=4096)


def sorted_trees(found: dict[int, list[int]]) -> dict[int, list[int]]:
    return {leader: sorted(pids) for leader, pids in found.items()}


def test_descendants_belong_to_the_leader_also_those_in_sessions_of_their_own() -> None:
    procs = {
        10: proc(1, 10),
        20: proc(10, 20),
        21: proc(20, 20),
        22: proc(21, 22),
        23: proc(22, 22),
        30: proc(10, 30),
    }

    assert sorted_trees(trees(procs, [20, 30])) == {20: [20, 21, 22, 23], 30: [30]}


def test_orphans_belong_to_the_leader_of_their_session_and_so_do_their_children() -> None:
    procs = {20: proc(10, 20), 50: proc(1, 20), 51: proc(50, 51)}

    assert sorted_trees(trees(procs, [20])) == {20: [20, 50, 51]}


def test_an_orphan_that_left_the_session_belongs_to_whom_its_mark_names() -> None:
    procs = {20: proc(KEEPER, 20), 60: proc(KEEPER, 60), 61: proc(60, 60), 70: proc(KEEPER, 70)}

    found = trees(procs, [20], KEEPER, {60: 20}.get)

    assert sorted_trees(found) == {20: [20, 60, 61]}


def test_a_leader_that_is_gone_has_no_tree_whoever_has_its_session() -> None:
    assert trees({50: proc(1, 20)}, [20]) == {}


def test_parents_in_a_circle_belong_to_nobody() -> None:
    procs = {20: proc(1, 20), 80: proc(81, 80), 81: proc(80, 80)}

    assert trees(procs, [20]) == {20: [20]}


def test_a_deep_chain_is_no_problem() -> None:
    procs = {20: proc(1, 20)} | {n: proc(n - 1, 0) for n in range(21, 5000)}

    assert len(trees(procs, [20])[20]) == 4980
