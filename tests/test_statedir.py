"""The state directory is ours alone, or refused."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from proctor.config import ConfigError
from proctor.statedir import LOCK, lock, prepare_state_dir

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
needs_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")

HOLD = """
import sys
from pathlib import Path
from proctor.statedir import lock
lock(Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_with_its_parents_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"

    prepare_state_dir(path)
    prepare_state_dir(path)

    assert mode(path) == 0o700


def test_an_empty_one_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.mkdir(0o755)
    path.chmod(0o755)

    prepare_state_dir(path)

    assert mode(path) == 0o700


def test_ours_is_closed_again_with_all_that_is_in_it(tmp_path: Path) -> None:
    prepare_state_dir(tmp_path)
    os.close(lock(tmp_path))
    (tmp_path / "more").touch()
    tmp_path.chmod(0o777)

    prepare_state_dir(tmp_path)

    assert mode(tmp_path) == 0o700


def test_a_place_of_others_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "somebody's").touch()
    tmp_path.chmod(0o1777)

    with pytest.raises(ConfigError, match="it holds more than our state"):
        prepare_state_dir(tmp_path)

    assert mode(tmp_path) == 0o1777


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()

    with pytest.raises(ConfigError, match=r"file: not a directory$"):
        prepare_state_dir(path)
    with pytest.raises(ConfigError, match=r"file/below: Not a directory$"):
        prepare_state_dir(path / "below")


@needs_root
def test_one_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs"
    path.mkdir(0o700)
    os.chown(path, 12345, -1)

    with pytest.raises(ConfigError, match="owned by user 12345, not by us"):
        prepare_state_dir(path)


@needs_user
def test_an_unwritable_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.mkdir(0o500)

    with pytest.raises(ConfigError, match="not writable"):
        prepare_state_dir(path)
    with pytest.raises(ConfigError, match="Permission denied"):
        prepare_state_dir(path / "below")


def test_a_second_service_is_refused_and_told_the_first_ones_pid(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first:  # type: ignore[call-overload]
        assert first.stdout.readline() == "locked\n"

        with pytest.raises(ConfigError, match=rf"another proctor \(pid {first.pid}\) is using it"):
            lock(tmp_path)

        first.stdin.close()
        first.wait(20)

    os.close(lock(tmp_path))


def test_the_claim_ends_with_the_process_however_it_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.kill()
        first.wait(20)

    fd = lock(tmp_path, pid=4321)

    assert (tmp_path / LOCK).read_text() == "4321\n"
    assert mode(tmp_path / LOCK) == 0o600
    os.close(fd)


def test_a_copy_of_the_descriptor_keeps_the_claim(tmp_path: Path) -> None:
    fd = lock(tmp_path)
    copy = os.dup(fd)
    os.close(fd)

    with pytest.raises(ConfigError, match="another proctor"):
        lock(tmp_path)

    os.close(copy)
    os.close(lock(tmp_path))


def test_a_lock_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory"):
        lock(tmp_path / "absent")
