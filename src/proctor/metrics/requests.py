"""How quickly the API answers, and how often it refuses."""

from __future__ import annotations

from collections import Counter

from .histogram import LATENCIES, Histogram


class Requests:
    """Per operation: the seconds until its answer was made, and the problems told instead."""

    def __init__(self) -> None:
        self.answered: dict[str, Histogram] = {}
        self.problems: Counter[tuple[str, int]] = Counter()

    def of(self, operation: str) -> Histogram:
        """Return the histogram that an operation's answers are added to."""
        return self.answered.setdefault(operation, Histogram(LATENCIES))
