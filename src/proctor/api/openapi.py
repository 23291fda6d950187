"""The OpenAPI 3.1 document, made from the operations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from .oapi import AnyOperation, Facts, Group, Nothing
from .schemas.components import schema_components

Json = dict[str, Any]
REF = "#/components/schemas/{name}"

FREE: Mapping[Any, str] = {dict: "application/merge-patch+json", bytes: "application/octet-stream"}
"""Bodies that are any object, or any bytes, and their content types."""

PLACES = {"run": {"type": "integer", "minimum": 1}}
"""The schemas of pieces of paths that are no plain text."""

ALWAYS = {
    403: "The request comes from a web page of another site, or is not addressed to this service.",
    500: "The service is at fault; its log has the details.",
}
WITH_BODY = {
    400: "The body is not what was expected; `field` names the field at fault.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
}
WITH_QUERY = {
    400: "A query parameter is missing, unknown or not what was expected.",
    431: "The request line and the headers are larger than 64 KiB.",
}
WITH_TOKEN = {401: "The token is missing or wrong."}


def document(groups: Sequence[Group], facts: Facts) -> Json:
    """Return the document that describes the operations."""
    token = facts.token
    components: Json = {"schemas": _schemas(groups)}
    for name, properties in facts.bounds.items():
        for field, bounds in properties.items() if name in components["schemas"] else ():
            components["schemas"][name]["properties"][field] |= bounds
    result: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Proctor",
            "version": facts.version,
            "description": "Starts, supervises and stops processes.",
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "paths": _paths(groups, components["schemas"], token),
        "components": components,
    }
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        result["security"] = [{"token": []}]
    return result


def _shown(groups: Sequence[Group]) -> Iterator[tuple[Group, AnyOperation]]:
    for group in groups:
        for op in group.operations:
            if not op.hidden:
                yield group, op


def _schemas(groups: Sequence[Group]) -> Json:
    types: set[type] = set()
    for group, op in _shown(groups):
        wanted = {op.query, op.body, op.returns, group.error}
        types |= {t for t in wanted if isinstance(t, type) and t not in (Nothing, *FREE)}
    return schema_components(sorted(types, key=_name), REF)


def _name(type: type) -> str:
    return type.__name__


def _paths(groups: Sequence[Group], schemas: Json, token: bool) -> Json:
    paths: Json = {}
    for group, op in _shown(groups):
        paths.setdefault(op.path, {})[op.method.lower()] = _operation(group, op, schemas, token)
    for _, op in _shown(groups):
        schemas.pop(_name(op.query), None)  # Shown as parameters instead.
    return paths


def _operation(group: Group, op: AnyOperation, schemas: Json, token: bool) -> Json:
    result: Json = {
        "operationId": op.id,
        "summary": op.summary,
        "responses": _answers(op) | _problems(group, op, token),
    }
    if op.tag:
        result["tags"] = [op.tag]
    if op.description:
        result["description"] = op.description
    if parameters := _parameters(op, schemas):
        result["parameters"] = parameters
    if op.body is not Nothing:
        result["requestBody"] = _body(op)
    if op.public and token:
        result["security"] = []
    return result


def _body(op: AnyOperation) -> Json:
    if op.body in FREE:
        media: Json = {"schema": {"type": "object"}} if op.body is dict else {}
    else:
        media = {"schema": _ref(op.body)}
    if op.examples:
        media["examples"] = {title: {"value": value} for title, value in op.examples.items()}
    return {"required": True, "content": {FREE.get(op.body, "application/json"): media}}


def _answers(op: AnyOperation) -> Json:
    answers = {str(op.status): _answer(op, HTTPStatus(op.status).phrase)}
    return answers | {str(status): _answer(op, text) for status, text in op.also.items()}


def _answer(op: AnyOperation, text: str) -> Json:
    if isinstance(op.returns, str):
        return {"description": text, "content": {op.returns: {}}}
    media: Json = {"schema": _ref(op.returns)}
    if op.answer is not None:
        media["example"] = op.answer
    return {"description": text, "content": {"application/json": media}}


def _problems(group: Group, op: AnyOperation, token: bool) -> Json:
    texts = ALWAYS | (WITH_QUERY if op.query is not Nothing else {})
    texts |= WITH_BODY if op.body is not Nothing else {}
    texts |= WITH_TOKEN if token and not op.public else {}
    texts |= op.errors
    content = {group.error_type: {"schema": _ref(group.error)}}
    return {str(s): {"description": texts[s], "content": content} for s in sorted(texts)}


def _parameters(op: AnyOperation, schemas: Json) -> list[Json]:
    parameters: list[Json] = [
        {
            "name": piece,
            "in": "path",
            "required": True,
            "schema": PLACES.get(piece, {"type": "string", "minLength": 1}),
            "description": op.places.get(piece, f"The {piece}."),
        }
        for piece in re.findall(r"\{(\w+)\}", op.path)
    ]
    if op.query is Nothing:
        return parameters
    schema = schemas[_name(op.query)]
    for name, part in schema["properties"].items():
        part = _without_null(part)
        parameter = {"name": name, "in": "query", "required": name in schema.get("required", ())}
        if text := part.pop("description", None):
            parameter["description"] = text
        parameters.append({**parameter, "schema": part})
    return parameters


def _without_null(schema: Json) -> Json:
    """Return the schema of a parameter: there is no null in a query, it is left out."""
    if "anyOf" not in schema:
        return dict(schema)
    rest = {k: v for k, v in schema.items() if k != "anyOf" and (k, v) != ("default", None)}
    choices = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
    return {**rest, **choices[0]} if len(choices) == 1 else {**rest, "anyOf": choices}


def _ref(type: type) -> Json:
    return {"$ref": REF.format(name=_name(type))}
