"""YAML into plain values and the line of each key.  Only this module imports PyYAML.

Stricter than YAML: keys are text, and none comes twice.
"""

from __future__ import annotations

from typing import Any

import yaml

from .positions import Path


class YamlFault(Exception):
    """What we refuse although it is YAML."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def compose(text: str) -> tuple[dict[str, Any], dict[Path, int]]:
    """Return the tree and the lines.  Raises YamlFault, yaml.YAMLError."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        if not isinstance(node, yaml.MappingNode):
            raise YamlFault(_line(node), "expected a mapping at the top")
        walk = _Walk(loader)
        walk.visit(node, ())
        tree: dict[str, Any] = loader.construct_document(node)
        return tree, walk.lines
    finally:
        loader.dispose()


class _Walk:
    """Notes the lines; `_flat` are the mappings whose merge keys (<<) are resolved already."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self.lines: dict[Path, int] = {}
        self._loader = loader
        self._flat: set[int] = set()
        self._open: set[int] = set()

    def visit(self, node: yaml.Node, at: Path) -> None:
        if id(node) in self._open:
            raise YamlFault(_line(node), "an alias refers to what encloses it")
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._flatten(node)
            for key, value in node.value:
                self.lines[(*at, key.value)] = _line(key)
                self.visit(value, (*at, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self.lines[(*at, number)] = _line(value)
                self.visit(value, (*at, number))
        self._open.discard(id(node))

    def _flatten(self, node: yaml.MappingNode) -> None:
        if id(node) not in self._flat:
            self._flat.add(id(node))
            _check_keys(node)
            self._loader.flatten_mapping(node)


def _check_keys(node: yaml.MappingNode) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            text = f"`{key.value}`" if isinstance(key, yaml.ScalarNode) else "this key"
            raise YamlFault(_line(key), f"{text} is not text to YAML (write it in quotes)")
        if key.value in seen:
            raise YamlFault(_line(key), f"`{key.value}` is on line {seen[key.value]} already")
        seen[key.value] = _line(key)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
