from __future__ import annotations

import grp
import os
import pwd

import pytest

from proctor.core.errors import UnknownAccount
from proctor.core.spec import Spec, TaskType
from proctor.engine.identity import Identity, resolve

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may switch")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may switch")
ME = pwd.getpwuid(os.geteuid())


def who(
    user: str | None = None, group: str | None = None, groups: tuple[str, ...] | None = None
) -> Identity:
    return resolve(Spec("t", TaskType.ONCE, "true", user=user, group=group, groups=groups))


def test_without_a_user_it_is_ours_and_nothing_changes() -> None:
    me = who()
    assert (me.uid, me.gid, me.env, me.order) == (os.geteuid(), os.getegid(), {}, None)


@pytest.mark.parametrize("user", [ME.pw_name, str(ME.pw_uid)])
def test_oneself_by_name_or_number_brings_the_accounts_environment(user: str) -> None:
    env = who(user).env
    assert env["HOME"] == ME.pw_dir
    assert env["USER"] == env["LOGNAME"] == ME.pw_name
    assert env["SHELL"] == (ME.pw_shell or "/bin/sh")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("user", {"user": "no-such-user"}),
        ("user", {"user": "99999999999"}),
        ("user", {"user": ""}),
        ("user", {"user": "x\0"}),
        ("group", {"group": "no-such-group"}),
        ("group", {"user": "4123456"}),
        ("groups", {"groups": ("no-such-group",)}),
    ],
)
def test_who_does_not_exist_is_refused_by_field(field: str, values: dict[str, object]) -> None:
    with pytest.raises(UnknownAccount) as caught:
        who(**values)  # type: ignore[arg-type]
    assert caught.value.field == field


@as_root
def test_a_user_brings_the_primary_and_all_other_groups() -> None:
    nobody = pwd.getpwnam("nobody")
    it = who("nobody")
    groups = os.getgrouplist("nobody", nobody.pw_gid)
    assert it.order == {"uid": nobody.pw_uid, "gid": nobody.pw_gid, "groups": groups}


@as_root
def test_group_and_groups_take_the_place_of_the_accounts() -> None:
    name = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
    it = who("nobody", "4242", (name, "4343"))
    assert (it.gid, it.groups) == (4242, (grp.getgrnam(name).gr_gid, 4343))
    assert who("4123456", "4242").order == {"uid": 4123456, "gid": 4242, "groups": [4242]}


@as_user
def test_only_root_may_switch() -> None:
    for field, values in (
        ("user", {"user": "root"}),
        ("group", {"group": "0"}),
        ("groups", {"groups": ("0",)}),
    ):
        with pytest.raises(UnknownAccount, match="only root may switch") as caught:
            who(**values)
        assert caught.value.field == field
