"""The JSON Schema of the file, for editors: made from the same structs as the API's document."""

from __future__ import annotations

import json
from typing import Any

from proctor.api.schemas.components import schema_components

from .fields import FOLDER_PATHS, TASK

ID = "https://json-schema.org/draft/2020-12/schema"
REF = "#/$defs/{name}"


def json_schema() -> dict[str, Any]:
    """Return a JSON Schema (2020-12) that a right file satisfies.

    What one table leaves out another may supply, so nothing is required.
    """
    components = schema_components([TASK], REF)
    task = components.pop(TASK.__name__)
    fields = {key: field for key, field in task["properties"].items() if key != "name"}
    _relax_paths(fields, components)
    names = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    template = {"description": "Templates whose fields it takes, the last the strongest.", **names}
    include = {"description": "Files read before this one, relative to it.", **names}
    components["TaskName"] = task["properties"]["name"]
    components["Defaults"] = _table(
        "What holds for every task that does not say otherwise.", fields
    )
    components["Task"] = _table("A task.", {"template": template, **fields})
    components["Tasks"] = {
        "type": "object",
        "propertyNames": {"$ref": "#/$defs/TaskName"},
        "additionalProperties": {"$ref": "#/$defs/Task"},
    }
    components["Templates"] = {
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/Task"},
    }
    profile = {"defaults": {"$ref": "#/$defs/Defaults"}, "tasks": {"$ref": "#/$defs/Tasks"}}
    components["Profile"] = _table("What is different when the profile is chosen.", profile)
    profiles = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Profile"}}
    top = {
        "include": include,
        "defaults": {"$ref": "#/$defs/Defaults"},
        "templates": {"$ref": "#/$defs/Templates"},
        "tasks": {"$ref": "#/$defs/Tasks"},
        "profiles": profiles,
    }
    root = {"$schema": ID, "title": "Proctor's tasks (proctor.toml)", **_table("", top)}
    return {**root, "$defs": dict(sorted(components.items()))}


def _table(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    table = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"description": description, **table} if description else table


def _relax_paths(fields: dict[str, Any], components: dict[str, Any]) -> None:
    """Take the demand for absolute paths away: in the file they are relative to it."""
    for path in FOLDER_PATHS:
        properties: Any = fields
        for key in path[:-1]:
            properties = _properties(properties.get(key, {}), components)
        if path[-1] in properties:
            properties[path[-1]] = _without_pattern(properties[path[-1]])


def _properties(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    for choice in (schema, *schema.get("anyOf", ())):
        if reference := choice.get("$ref"):
            found: dict[str, Any] = components[reference.rpartition("/")[2]].get("properties", {})
            return found
    return {}


def _without_pattern(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {k: _without_pattern(v) for k, v in schema.items() if k != "pattern"}
    if isinstance(schema, list):
        return [_without_pattern(item) for item in schema]
    return schema


def schema_text() -> str:
    """Return the schema as it stands in docs/proctor.schema.json."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
