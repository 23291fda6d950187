"""Whom a task runs as: names and numbers of a spec looked up in this machine's accounts."""

from __future__ import annotations

import grp
import os
import pwd
import time

from msgspec import Struct

from proctor.core.errors import UnknownAccount
from proctor.core.model import Spec


class Identity(Struct, frozen=True):
    """`switch` says that the process has to change its user or groups to become this.

    `env` holds HOME, USER, LOGNAME and SHELL; empty if the spec names no user.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    env: dict[str, str]
    switch: bool

    @property
    def order(self) -> dict[str, object] | None:
        """What the keeper is told: null when there is nothing to change."""
        if not self.switch:
            return None
        return {"uid": self.uid, "gid": self.gid, "groups": list(self.groups)}


def resolve(spec: Spec) -> Identity:
    """Return whom `spec` runs as.

    Raises UnknownAccount, its `field` saying which of user, group and groups is at fault, for a
    name that does not exist here, and for another identity than our own where only root may switch.
    It may ask a directory service: keep it out of the event loop.
    """
    account = _account(spec.user) if spec.user is not None else None
    group = _gid(spec.group, "group") if spec.group is not None else None
    uid = os.geteuid() if spec.user is None else account.pw_uid if account else int(spec.user)
    gid = group if group is not None else _primary(spec.user, account)
    groups = _supplementary(spec, account, gid)
    ours = (os.geteuid(), os.getegid(), set(os.getgroups()) | {os.getegid()})
    switch = (uid, gid, set(groups) | {gid}) != ours
    if switch and ours[0] != 0:
        _refuse(spec, uid, gid)
        groups, switch = tuple(os.getgroups()), False
    env = _environment(spec.user, account) if spec.user is not None else {}
    return Identity(uid, gid, groups, env, switch)


def _account(user: str) -> pwd.struct_passwd | None:
    """Return the account of a name or number; None: a number that has none."""
    try:
        return pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except (KeyError, OverflowError, ValueError):
        if user.isdecimal() and int(user) < 2**32 - 1:
            return None
        raise UnknownAccount(f"user {user!r} does not exist here", field="user") from None


def _gid(group: str, field: str) -> int:
    try:
        if group.isdecimal() and int(group) < 2**32 - 1:
            return int(group)
        return grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):
        raise UnknownAccount(f"group {group!r} does not exist here", field=field) from None


def _primary(user: str | None, account: pwd.struct_passwd | None) -> int:
    if user is None:
        return os.getegid()
    if account is None:
        message = f"user {user} has no account here, so its group must be given"
        raise UnknownAccount(message, field="group")
    return account.pw_gid


def _supplementary(spec: Spec, account: pwd.struct_passwd | None, gid: int) -> tuple[int, ...]:
    if spec.groups is not None:
        return tuple(_gid(group, "groups") for group in spec.groups)
    if spec.user is None:
        return tuple(os.getgroups())
    return tuple(os.getgrouplist(account.pw_name, gid)) if account else (gid,)


def _refuse(spec: Spec, uid: int, gid: int) -> None:
    """Raise unless all that differs from us is a list of groups that nobody asked for."""
    who = f"the service runs as user {os.geteuid()}"
    if uid != os.geteuid():
        raise UnknownAccount(f"user {spec.user!r}: only root may switch, {who}", field="user")
    if gid != os.getegid():
        raise UnknownAccount(f"group {spec.group!r}: only root may switch, {who}", field="group")
    if spec.groups is not None:
        raise UnknownAccount(f"groups: only root may switch, {who}", field="groups")


def _environment(user: str, account: pwd.struct_passwd | None) -> dict[str, str]:
    if account is None:
        return {"HOME": "/", "USER": user, "LOGNAME": user, "SHELL": "/bin/sh"}
    name, shell = account.pw_name, account.pw_shell or "/bin/sh"
    return {"HOME": account.pw_dir, "USER": name, "LOGNAME": name, "SHELL": shell}


class Accounts:
    """Remembers who is who for a while: a directory service may be slow."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[float, Identity]] = {}

    def of(self, spec: Spec) -> Identity | None:
        """Return whom the spec's processes run as; None: as we do.  Raises UnknownAccount."""
        key = (spec.user, spec.group, spec.groups)
        if key == (None, None, None):
            return None
        until, identity = self._known.get(key, (0.0, None))
        now = time.monotonic()
        if identity is None or now >= until:
            identity = resolve(spec)
            self._known[key] = (now + _LIVES, identity)
        return identity

    def uid_of(self, spec: Spec) -> int:
        """Return the number of the user that the spec's processes run as; ours if unknown."""
        try:
            identity = self.of(spec)
        except UnknownAccount:
            identity = None
        return os.geteuid() if identity is None else identity.uid


_LIVES = 10.0  # Seconds until an account is looked up again.
