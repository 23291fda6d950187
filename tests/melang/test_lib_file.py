"""The library `file` and the digests of files, with a stand-in for the coroutine."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from melang.errors import MelangError
from melang.libs.file import SET
from melang.libs.md5 import md5
from melang.libs.sha import sha1, sha256
from melang.plain import Value
from melang.values import Object


class Owner:
    """As much of a coroutine as a file needs: what it owns and what happens at its end."""

    def __init__(self) -> None:
        self.resources: dict[str, object] = {}
        self.endings: list[Callable[[], None]] = []

    def on_end(self, callback: Callable[[], None]) -> None:
        self.endings.append(callback)

    def end(self) -> None:
        for callback in self.endings:
            callback()


class File:
    """An object of the set, called as a script does."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.object: Object = SET.new()

    def __getattr__(self, name: str) -> Callable[..., Value]:
        method = self.object.props[name.encode()]

        def call(*values: Value) -> Value:
            missing = (None,) * (method.arity - len(values))
            return method.fn(self.owner, self.object, *values, *missing)

        return call

    def property(self, name: str) -> Value:
        return self.object.props[name.encode()]


@pytest.fixture
def owner() -> Iterator[Owner]:
    owner = Owner()
    yield owner
    owner.end()


@pytest.fixture
def file(owner: Owner) -> File:
    return File(owner)


@pytest.fixture
def path(tmp_path: Path) -> bytes:
    return bytes(tmp_path / "a file")


def test_what_is_written_is_read_again(file: File, path: bytes) -> None:
    file.open(path, b"w")
    assert file.write(b"\0binary\xff") == 8
    assert file.close() is None

    assert file.open(path, b"r") is True
    assert (file.size(), file.read(100), file.read(1)) == (8, b"\0binary\xff", b"")


@pytest.mark.parametrize(
    ("mode", "left"),
    [
        *((b"w", b"new"), (b"w+", b"newold"), (b"rw", b"new"), (b"rw+", b"newold")),
        *((b"a", b"oldoldnew"), (b"wa", b"oldoldnew"), (b"+", b"newold"), (b"r", b"oldold")),
    ],
)
def test_the_letters_of_a_mode_mix(file: File, path: bytes, mode: bytes, left: bytes) -> None:
    Path(os.fsdecode(path)).write_bytes(b"oldold")

    file.open(path, mode)
    file.write(b"new")

    assert Path(os.fsdecode(path)).read_bytes() == left


def test_a_new_file_gets_the_permissions_asked_for(file: File, path: bytes) -> None:
    mask = os.umask(0)
    file.open(path, b"w", 0o600)
    os.umask(mask)

    assert Path(os.fsdecode(path)).stat().st_mode & 0o777 == 0o600


def test_the_position_can_be_set(file: File, path: bytes) -> None:
    file.open(path, b"rw")
    file.write(b"0123456789")

    assert (file.lseek(3, b"begin"), file.read(2)) == (True, b"34")
    assert (file.lseek(2, b"current"), file.read(2)) == (True, b"78")
    assert (file.lseek(0, b"end"), file.read(2)) == (True, b"")
    assert (file.lseek(-1, b"end"), file.property("errno")) == (False, errno.EBADF)
    assert (file.read(0), file.read(-1)) == (None, None)


def test_a_file_that_is_not_open_fails_and_says_why(file: File) -> None:
    assert (file.read(5), file.write(b"x"), file.size(), file.close()) == (False,) * 4
    assert (file.errmsg(), file.property("fd")) == (b"Bad file descriptor", -1)


def test_errors_of_the_system_are_noted(file: File, tmp_path: Path) -> None:
    assert file.open(bytes(tmp_path / "none" / "x"), b"w") is False
    assert (file.property("errno"), file.errmsg()) == (2, b"No such file or directory")

    assert file.open(bytes(tmp_path), b"r") is True
    assert (file.read(10), file.errmsg()) == (False, b"Is a directory")


def test_a_descriptor_that_is_no_number_is_an_error(file: File) -> None:
    file.object.put(b"fd", b"5")

    with pytest.raises(MelangError, match=r"^Invalid type of 'fd'\.$"):
        file.read(1)
    assert file.errmsg() == b"Success"


def test_only_what_this_coroutine_opened_can_be_touched(file: File, path: bytes) -> None:
    """A script can write any number into `fd`, that of the event loop among them."""
    foreign = os.open(path, os.O_RDWR | os.O_CREAT)
    file.object.put(b"fd", foreign)

    assert (file.write(b"x"), file.read(1), file.close()) == (False, False, False)
    os.close(foreign)


def test_what_is_left_open_is_closed_with_the_coroutine(file: File, path: bytes) -> None:
    file.open(path, b"w")
    first = file.property("fd")
    file.open(path, b"w")
    second = file.property("fd")

    file.owner.end()

    for fd in {first, second}:
        with pytest.raises(OSError):
            os.fstat(fd)


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("open", (5, b"r"), "'path' demand string."),
        ("open", (b"/x",), "'op' demand string."),
        ("open", (b"/x", b"rqw"), "Invalid 'op'."),
        ("open", (b"/x", b"r", b"z"), "'prio' demand integer."),
        ("lseek", (b"x", b"begin"), "'offset' demand integer."),
        ("lseek", (0, 5), "'whence' demand string."),
        ("lseek", (0, b"nowhere"), "Invalid argument 'whence'."),
    ],
)
def test_a_wrong_argument_is_named(
    file: File, method: str, arguments: tuple[Value, ...], message: str
) -> None:
    with pytest.raises(MelangError) as caught:
        getattr(file, method)(*arguments)

    assert caught.value.message == message


def test_a_method_wants_a_file_as_its_object(owner: Owner) -> None:
    read = SET.members[b"read"]

    with pytest.raises(MelangError, match="'this' not object"):
        read.fn(owner, None, 5)
    with pytest.raises(MelangError, match="File object required"):
        read.fn(owner, Object(b"Other", {}), 5)


def test_digests_are_those_of_strings() -> None:
    assert md5.fn(None, b"abc") == b"900150983cd24fb0d6963f7d28e17f72"
    assert sha1.fn(None, b"abc") == b"a9993e364706816aba3e25717850c26c9cd0d89d"
    assert sha256.fn(None, b"") == (
        b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_a_digest_takes_what_a_file_still_has(file: File, path: bytes) -> None:
    file.open(path, b"rw")
    file.write(b"xxabc")
    file.lseek(2, b"begin")

    assert md5.fn(file.owner, file.object) == b"900150983cd24fb0d6963f7d28e17f72"
    assert file.read(1) == b""


def test_nothing_else_has_a_digest(file: File) -> None:
    for source in (5, None, Object(None, {}), file.object):
        with pytest.raises(MelangError, match=r"^Invalid argument\.$"):
            md5.fn(file.owner, source)
