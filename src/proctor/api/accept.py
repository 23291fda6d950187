"""What every way to make or change a task has in common: request to checked spec."""

from __future__ import annotations

import asyncio

from msgspec import Struct, field

from proctor.core.spec import Spec

from .ports import SpecCheck
from .schemas import SpecLimits, TaskRequest, to_spec


class Acceptance(Struct, frozen=True):
    """`check` looks at what only the machine can tell, and may block."""

    check: SpecCheck
    limits: SpecLimits = field(default_factory=SpecLimits)

    async def spec(self, request: TaskRequest) -> Spec:
        """Return the checked spec.  Raises BadSpec, BadSchedule, and what `check` does."""
        spec = to_spec(request, self.limits)
        accounts = (spec.user, spec.group, spec.groups)
        if spec.type.is_script or accounts != (None, None, None):
            # The user database may live in the network, and a script is parsed.
            await asyncio.to_thread(self.check, spec)
        return spec
