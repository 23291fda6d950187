"""Operations at the wire."""

from __future__ import annotations

from proctor.core.errors import ProctorError
from proctor.operations import Operation, Operations

from .oapi import Call, Nothing
from .reply import Reply, json_reply
from .schemas.selection import OperationResponse, TargetEntry, WaitQuery


class UnknownOperation(ProctorError):
    code = "unknown_operation"


async def answer(operations: Operations, operation: Operation, wait: float) -> Reply:
    """Answer 200 with what came of it, or 202 if that is not known within `wait` seconds."""
    await operations.wait(operation, wait)
    return json_reply(shown(operation), 202 if operation.ended is None else 200)


def shown(operation: Operation) -> OperationResponse:
    state = "running" if operation.ended is None else "done" if operation.ok else "failed"
    targets = []
    reasons = []
    for target in operation.targets:
        came = target.outcome
        word = "pending" if came is None else "done" if came.ok else "failed"
        targets.append(TargetEntry(str(target.id), word, came.text if came else ""))
        if came is not None and not came.ok:
            reasons.append(f"{target.id}: {came.text}")
    reason = "; ".join(reasons[:10])
    return OperationResponse(
        operation.id, operation.verb, state, operation.began, operation.ended, targets, reason
    )


async def show(operations: Operations, call: Call[WaitQuery, Nothing]) -> Reply:
    operation = operations.find(call.path["id"])
    if operation is None:
        known = call.path["id"][:100]
        raise UnknownOperation(
            f"there is no operation {known!r}, or no more: a new manager has none"
        )
    await operations.wait(operation, call.query.wait)
    return json_reply(shown(operation))
