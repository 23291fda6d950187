"""JSON Schemas of the wire's structs."""

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec


def schema_components(types: Iterable[type], ref_template: str) -> dict[str, Any]:
    """Return the schemas of these types and of all they name, by their names.

    The descriptions are docstrings, of which only Python 3.13 and newer take the margin away.
    """
    _, components = msgspec.json.schema_components(types, ref_template=ref_template)
    for schema in components.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return dict(components)
