"""From ASGI's scope to a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .body import decode_query
from .oapi import NOTHING, Call, Nothing
from .reply import Scope


def decode_parameters(scope: Scope, query: type[Any], expected: Mapping[str, str]) -> Any:
    """Return the query's parameters as a `query`.  Raises BadSpec."""
    text = scope["query_string"]
    if not text and query is Nothing:
        return NOTHING
    return decode_query(text, query, expected)


def call_of(scope: Scope, path: Mapping[str, str], parameters: Any, body: Any) -> Call[Any, Any]:
    state = scope.get("state", {})
    peer = state.get("peer", "api")
    return Call(parameters, body, path, state.get("stopping"), scope["headers"], peer)
