"""`proctor config`: what a file of tasks means in the end, and the schema for editors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .failure import Misused
from .files import file_options, load_file
from .output import coloured, emit_json, on_terminal, paint, table

if TYPE_CHECKING:
    from proctor.manifest.manifest import Entry


@click.group("config")
def command() -> None:
    """What a file of tasks means in the end, and its schema for editors."""


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@file_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def show(
    names: tuple[str, ...], file: Path | None, profiles: tuple[str, ...], as_json: bool
) -> None:
    """Print the merged tasks with the source of every value.

    \b
    Examples:
      proctor config show
      proctor config show web --profile prod
    """
    from proctor.manifest.problems import suggestion

    tasks = load_file(file, profiles).tasks
    for name in names:
        if name not in tasks:
            raise Misused(f"the file has no task `{name}`{suggestion(name, tasks)}")
    chosen = [entry for name, entry in tasks.items() if not names or name in names]
    if as_json:
        emit_json({entry.name: list(_json_rows(entry)) for entry in chosen})
    elif on_terminal():
        _show(chosen)
    else:
        table(
            ["TASK", "FIELD", "VALUE", "SOURCE"],
            [[entry.name, *row] for entry in chosen for row in _rows(entry)],
            {},
        )


@command.command()
@file_options
def check(file: Path | None, profiles: tuple[str, ...]) -> None:
    """Say whether the file is right, without asking the service."""
    manifest = load_file(file, profiles)
    click.echo(f"{manifest.file}: {len(manifest.tasks)} tasks, no problem")


@command.command()
def schema() -> None:
    """Print the JSON Schema of the file, for editors."""
    from proctor.manifest.schema import schema_text

    click.echo(schema_text(), nl=False)


def _show(entries: list[Entry]) -> None:
    for number, entry in enumerate(entries):
        if number:
            click.echo()
        click.echo(paint(f"[tasks.{entry.name}]", "cyan", bold=coloured()))
        rows = list(_rows(entry))
        left = max(len(f"{field} = {value}") for field, value, _ in rows)
        for field, value, source in rows:
            text = f"{field} = {value}"
            note = paint(f"# {source}", "bright_black")
            click.echo(f"{text.ljust(min(left, 60))}  {note}")


def _rows(entry: Entry) -> Iterator[tuple[str, str, str]]:
    for path, value, source in _leaves(entry):
        yield ".".join(path), _toml(value), source


def _json_rows(entry: Entry) -> Iterator[dict[str, Any]]:
    for path, value, source in _leaves(entry):
        yield {"field": ".".join(path), "value": value, "source": source}


def _leaves(entry: Entry) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Yield path, value and source; what the service would not show is not shown."""
    from proctor.manifest.manifest import without_secrets

    for path, leaf in without_secrets(entry).items():
        yield path, leaf.value, str(leaf.source)


def _toml(value: Any) -> str:
    """Return a value as one would write it in the file."""
    import json

    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
