"""Which keys a task may have, from the same structs that the API decodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from proctor.api.schemas import TaskRequest

from .positions import Path

TASK = TaskRequest
FOLDER_PATHS: frozenset[tuple[str, ...]] = frozenset(
    {
        ("cwd",),
        ("env_files",),
        ("interpreter",),
        ("watch", "paths"),
        ("startup", "file"),
        ("readiness", "file"),
        ("liveness", "file"),
    }
)
"""The values that are paths relative to the file they are written in."""

_info: msgspec.inspect.Type | None = None


def task_type() -> msgspec.inspect.Type:
    """Return what msgspec knows of a task's fields."""
    global _info
    if _info is None:
        _info = msgspec.inspect.type_info(TASK)
    return _info


def unknown_keys(
    value: Any, kind: msgspec.inspect.Type, at: Path = ()
) -> Iterator[tuple[Path, list[str]]]:
    """Yield the path of each key that no struct has, and the keys there are beside it."""
    kinds = list(_alternatives(kind))
    if isinstance(value, dict):
        structs = [k for k in kinds if isinstance(k, msgspec.inspect.StructType)]
        known = {f.encode_name: f.type for k in structs for f in k.fields}
        free = next((k.value_type for k in kinds if isinstance(k, msgspec.inspect.DictType)), None)
        for key, inner in value.items():
            if key in known:
                yield from unknown_keys(inner, known[key], (*at, key))
            elif free is not None:
                yield from unknown_keys(inner, free, (*at, key))
            elif structs:
                yield (*at, key), list(known)
    elif isinstance(value, list):
        items = [k.item_type for k in kinds if isinstance(k, msgspec.inspect.ListType)]
        for number, inner in enumerate(value):
            for item in items:
                yield from unknown_keys(inner, item, (*at, number))


def _alternatives(kind: msgspec.inspect.Type) -> Iterator[msgspec.inspect.Type]:
    """Yield the types that a value may have, without annotations and unions around them."""
    if isinstance(kind, msgspec.inspect.Metadata):
        yield from _alternatives(kind.type)
    elif isinstance(kind, msgspec.inspect.UnionType):
        for alternative in kind.types:
            yield from _alternatives(alternative)
    else:
        yield kind
