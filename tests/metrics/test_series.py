from __future__ import annotations

import pytest

from proctor.metrics.histogram import Histogram
from proctor.metrics.series import COARSE_COUNT, FINE_COUNT, Point, Ring, Series

MIDNIGHT = 1_700_006_400.0


def point(at: float, cpu: float = 0.5, rss: int = 1 << 20) -> Point:
    return Point(at, cpu, rss, threads=2, fds=3)


def test_a_ring_keeps_the_last_points_in_order() -> None:
    ring = Ring(2.0, 3)

    for i in range(8):
        ring.add(100 + i, 0.5, i << 10, 2, 3)

    assert [p.at for p in ring.points(0)] == [210, 212, 214]
    assert [p.rss >> 10 for p in ring.points(0)] == [5, 6, 7]
    assert [p.at for p in ring.points(212)] == [212, 214]


@pytest.mark.parametrize("before", [0, 1, 2, 3, 4])
def test_a_second_point_in_a_step_takes_the_place_of_the_first(before: int) -> None:
    ring = Ring(2.0, 3)
    for i in range(before):
        ring.add(100 - before + i, 0.5, 1 << 20, 2, 3)
    ring.add(100, 0.25, 1 << 20, 2, 3)

    ring.add(100, 0.75, 1 << 20, 2, 3)

    assert ring.points(200) == [Point(200.0, 0.75, 1 << 20, 2, 3)]
    assert len(ring.points(0)) == min(before + 1, 3)


def test_a_minute_has_the_mean_of_cpu_and_the_most_memory() -> None:
    series = Series()
    for i, cpu in enumerate((0.0, 1.0, 0.5)):
        series.add(point(MIDNIGHT + 2 * i, cpu=cpu, rss=(3 - i) << 20))
    series.add(point(MIDNIGHT + 60))

    first, going_on = series.last_day(0)

    assert first == Point(MIDNIGHT, 0.5, 3 << 20, 2, 3)
    assert going_on.at == MIDNIGHT + 60


def test_two_days_take_the_space_of_one() -> None:
    series = Series()
    for i in range(2 * 86_400 // 2):
        series.add(point(MIDNIGHT + 2 * i))

    assert len(series.fine.points(0)) == FINE_COUNT
    assert len(series.coarse.points(0)) == COARSE_COUNT
    assert series.last_day(0)[0].at == MIDNIGHT + 86_400 - 60


def test_a_histogram_counts_what_is_at_most_each_bound() -> None:
    histogram = Histogram((1.0, 5.0))
    for value in (0.5, 1.0, 1.1, 7.0):
        histogram.add(value)

    assert histogram.buckets() == [("1.0", 2.0), ("5.0", 3.0), ("+Inf", 4.0)]
    assert histogram.count == 4
    assert histogram.sum == pytest.approx(9.6)
