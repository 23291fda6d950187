"""Cycles and reach in the dependency graph."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proctor.core.graph import closure, find_cycle

NAMES = "abcdefgh"
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES)), max_size=8)


def edges(graph):
    return lambda name: sorted(graph.get(name, ()))


def test_the_cycle_is_the_way_back():
    graph = {"a": {"b", "x"}, "b": {"c"}, "c": {"a"}, "x": set()}

    assert find_cycle(edges(graph), "a") == ["a", "b", "c", "a"]
    assert find_cycle(edges(graph), "x") is None


def test_the_closure_is_nearest_first():
    assert list(closure(edges({"a": {"b"}, "b": {"c", "d"}, "c": {"d"}}), "a")) == ["b", "c", "d"]


@given(GRAPHS, st.sampled_from(NAMES))
def test_a_cycle_is_found_exactly_where_something_reachable_leads_back(graph, start):
    way = find_cycle(edges(graph), start)
    reach = {start, *closure(edges(graph), start)}
    leads_back = any(start in graph.get(name, ()) for name in reach)

    assert (way is not None) == leads_back
    if way:
        assert way[0] == way[-1] == start
        assert all(b in graph[a] for a, b in pairwise(way))
