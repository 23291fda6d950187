"""Which tasks have a bound that is watched from outside, by looks at their processes."""

from __future__ import annotations

from collections.abc import Collection

from proctor.core.enforcing import watched
from proctor.core.world import World


def is_bounded(world: World, name: str, controllers: Collection[str]) -> bool:
    task = world.tasks.get(name)
    return task is not None and watched(task.spec.limits, controllers) is not None
