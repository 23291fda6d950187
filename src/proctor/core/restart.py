"""When a replica that ended is started again."""

from __future__ import annotations

from .model import Spec


def pause(spec: Spec) -> float:
    """Return the seconds between an end and the next start."""
    return spec.interval
