"""`proctor apply`: the tasks become what a file says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from proctor.client.errors import ApiError
from proctor.client.models import Change, PutResult
from proctor.client.sync import Client

from .failure import Failed, Misused, refusal, told
from .files import file_options, load_file
from .options import json_option, wait_options
from .order import Circle, deps_first, deps_of
from .output import emit_json, paint, printable
from .settle import settle
from .words import plural

if TYPE_CHECKING:
    from proctor.manifest.manifest import Entry, Manifest

OWNER = "proctor/file"
"""The label that says from which file a task was applied, so that --prune knows what is its own."""

SIGNS = {"created": ("+", "green"), "updated": ("~", "yellow"), "removed": ("-", "red")}


class Step(Struct, frozen=True):
    """What is to be done about one task: "created", "updated", "unchanged" or "removed"."""

    task: str
    result: str
    changes: Sequence[Change] = ()
    restarts: Sequence[str] = ()
    stops: Sequence[str] = ()


@click.command("apply")
@file_options
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--prune", is_flag=True, help="Remove tasks that the file had and has no more.")
@click.option("--roll", is_flag=True, help="Restart a few replicas at a time.")
@wait_options
@json_option
def command(
    file: Path | None,
    profiles: tuple[str, ...],
    dry_run: bool,
    prune: bool,
    roll: bool,
    no_wait: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Make the tasks what a file says, and touch only what is different.

    Everything is checked before anything is done.  Tasks that are not in the file are left alone;
    with --prune those go that an earlier apply of the same file has made.

    \b
    Examples:
      proctor apply --dry-run
      proctor apply -f /etc/proctor/shop.toml --profile prod --prune
    """
    manifest = load_file(file, profiles)
    with told(), Client() as client:
        steps = plan(client, manifest, prune=prune)
        if as_json:
            emit_json(steps)
        else:
            show(steps)
        if not dry_run:
            perform(client, manifest, steps, roll=roll)
        if not as_json:
            count(steps, dry_run=dry_run)
        if dry_run:
            return
        changed = [step.task for step in steps if step.result in ("created", "updated")]
        if changed and not no_wait:
            settle(client, changed, timeout, quiet=as_json)


def fields_of(entry: Entry, manifest: Manifest) -> dict[str, Any]:
    """Return what is sent for a task: its values, and the label that says whose it is."""
    labels = {**entry.values.get("labels", {}), OWNER: owner_of(manifest)}
    return {**entry.values, "labels": labels}


def owner_of(manifest: Manifest) -> str:
    return str(manifest.file)[-256:]


def plan(client: Client, manifest: Manifest, *, prune: bool) -> list[Step]:
    """Ask the service what would be done.  Raises Failed at the first task that is refused."""
    _ordered(client, manifest)
    steps = [_planned(client, manifest, entry) for entry in manifest.tasks.values()]
    if prune:
        owner = owner_of(manifest)
        gone = [t.name for t in client.tasks() if t.labels.get(OWNER) == owner]
        steps += [Step(name, "removed") for name in gone if name not in manifest.tasks]
    return steps


def _planned(client: Client, manifest: Manifest, entry: Entry) -> Step:
    try:
        answer = _put(client, manifest, entry, dry_run=True)
        return Step(entry.name, answer.result, answer.changes, answer.restarts, answer.stops)
    except Failed as failed:
        refused = failed.__cause__
        if not isinstance(refused, ApiError) or refused.code != "dependency_cycle":
            raise
    # Of tasks as they are now; those of the file will have opened it before it is this one's turn.
    free = replace(entry, values={**entry.values, "deps": []})
    answer = _put(client, manifest, free, dry_run=True)
    before = next((one.before for one in answer.changes if one.field == "deps"), "[]")
    after = msgspec.json.encode(entry.values["deps"]).decode()
    changes = [one for one in answer.changes if one.field != "deps"]
    changes.append(Change("deps", before, after))
    return Step(entry.name, "updated", changes, answer.restarts, answer.stops)


def perform(client: Client, manifest: Manifest, steps: Sequence[Step], *, roll: bool) -> None:
    """Do it; what is unchanged is told all the same, so that it knows of the file as it is now."""
    for entry in _ordered(client, manifest):
        _put(client, manifest, entry, roll=roll)
    if gone := [step.task for step in steps if step.result == "removed"]:
        client.remove(*gone)


def _ordered(client: Client, manifest: Manifest) -> list[Entry]:
    """Return the tasks of the file, each behind what it depends on.  Raises Failed."""
    file = {name: deps_of(entry.values) for name, entry in manifest.tasks.items()}
    others = {task.name: task.deps for task in client.tasks() if task.name not in file}
    try:
        order = deps_first({**file, **others})
    except Circle as circle:
        entry = next(manifest.tasks[name] for name in circle.way if name in file)
        raise Misused(located(entry, "deps", str(circle))) from None
    return [manifest.tasks[name] for name in order if name in file]


def _put(client: Client, manifest: Manifest, entry: Entry, **options: bool) -> PutResult:
    try:
        source = str(manifest.file)
        return client.put(entry.name, fields_of(entry, manifest), source=source, **options)
    except ApiError as error:
        if error.status >= 500:
            raise
        raise refusal(error)(located(entry, error.field or "", str(error))) from error


def located(entry: Entry, field: str, objection: str) -> str:
    """Return the objection with the place in the file that it is about."""
    from proctor.manifest.manifest import nearest

    path = tuple(field.partition("[")[0].split("."))
    source = nearest(entry.leaves, path)
    place = "" if source is None or source.file is None else f"{source.file}:{source.line}: "
    return f"{place}tasks.{entry.name}: {objection}"


def show(steps: Sequence[Step]) -> None:
    """Print a line for each task that changes, and one for each of its fields that do."""
    for step in steps:
        if step.result in SIGNS:
            _show_step(step)


def count(steps: Sequence[Step], *, dry_run: bool = False) -> None:
    """Print how many tasks have changed, or would."""
    unchanged = sum(step.result == "unchanged" for step in steps)
    changed = len(steps) - unchanged
    done = "would change" if dry_run else "changed"
    click.echo(f"{plural(changed, 'task')} {done}, {unchanged} unchanged")


def _show_step(step: Step) -> None:
    sign, colour = SIGNS[step.result]
    note = f", restarts {' '.join(step.restarts)}" if step.restarts else ""
    note += f", stops {' '.join(step.stops)}" if step.stops else ""
    click.echo(paint(f"{sign} {step.task}", colour) + f"  {step.result}{note}")
    for change in step.changes:
        before, after = printable(change.before), printable(change.after)
        mark = "  (restarts)" if change.restarts else ""
        click.echo(f"    {change.field}: {before} -> {after}{mark}")
