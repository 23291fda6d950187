"""What is different between two specs, as it is shown: in the words of the wire, no secrets."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from proctor.core.hosts import shown_deps
from proctor.core.model import Origin
from proctor.core.spec import Spec
from proctor.core.update import plan

from .schemas.tasks import ChangeEntry, FieldEntry, SourceEntry
from .schemas.to_request import HIDDEN, is_secret

WIRE_NAMES = {"replicas": "replica", "restart_policy": "restart", "stop_signals": "stop_signal"}
"""The fields of a Spec that a task's file and the API call otherwise."""

CHANGED = f"{HIDDEN} (changed)"
"""Stands for a secret that is another one than before; else nothing would tell them apart."""


def changes(before: Spec, after: Spec) -> list[ChangeEntry]:
    """Return what becoming `after` changes.

    A variable that is secret in one of them is in both: else taking its mark off would show it.
    """
    names = before.env.keys() | after.env.keys()
    named = {*before.secret_env, *after.secret_env}
    secret = {name for name in names if is_secret(name, named)}
    return [
        ChangeEntry(
            WIRE_NAMES.get(change.field, change.field),
            _shown(change.before, secret),
            _shown(change.after, secret, change.before),
            change.restarts,
        )
        for change in plan(_theirs(before), _theirs(after)).changes
    ]


def source(origin: Origin | None, present: Spec) -> SourceEntry | None:
    """Return the file a task came from, and what was changed since by other ways."""
    if origin is None:
        return None
    since = [FieldEntry(c.field, c.before, c.after) for c in changes(origin.spec, present)]
    return SourceEntry(origin.file, origin.at, since)


def _theirs(spec: Spec) -> Spec:
    """Return the spec without what we have added to it."""
    return replace(spec, deps=shown_deps(spec))


def _shown(value: object, secret: set[str], before: object = None) -> str:
    """Return a value of a spec as JSON, without secrets; of those it says which are other ones."""
    plain, old = msgspec.to_builtins(value), before if isinstance(before, dict) else {}
    if isinstance(plain, dict):
        same = {name: name not in old or old[name] == inner for name, inner in plain.items()}
        hidden = {name: HIDDEN if same[name] else CHANGED for name in plain.keys() & secret}
        plain = {name: hidden.get(name, inner) for name, inner in plain.items()}
    return msgspec.json.encode(plain).decode()
