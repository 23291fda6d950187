"""What the service can be told, and what it answers to what makes no sense."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import fields

from proctor.config import ConfigError, Settings, is_loopback, load, read_token

ENVIRON = {"PROCTOR_STATE_DIR": "/srv/state"}


def write(folder: Path, text: str) -> Path:
    file = folder / "proctor.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(file: Path | None, **overrides: object) -> str:
    """The one line that says why these settings are refused."""
    with pytest.raises(ConfigError) as caught:
        load(file, overrides, ENVIRON)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_a_file_everything_has_a_default() -> None:
    settings = load(environ=ENVIRON)

    assert settings == Settings(
        state_dir=Path("/srv/state"), unix_socket=Path("/srv/state/proctor.sock")
    )
    assert (settings.host, settings.port, settings.timezone) == ("127.0.0.1", 8606, "local")
    assert settings.max_replicas == 10_000
    assert settings.http.max_body == 1 << 20


def test_a_file_can_set_everything(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        host = "0.0.0.0"
        port = 80
        state_dir = "/srv/other"
        unix_socket = "/run/proctor.sock"
        token_file = "/etc/proctor.token"
        insecure = true
        hosts = ["box.example"]
        timezone = "Europe/Riga"
        max_replicas = 5
        [pools]
        db = 2
        [history]
        runs = 10
        days = 0.5
        [output]
        segment_size = "1 MiB"
        replica_quota = "16MiB"
        total_quota = 1000000000
        [log]
        level = "debug"
        style = "json"
        [http]
        max_body = "64 KiB"
        body_timeout = 5
        """,
    )

    settings = load(file, environ=ENVIRON)

    assert (settings.host, settings.port, settings.insecure) == ("0.0.0.0", 80, True)
    assert settings.state_dir == Path("/srv/other")
    assert settings.unix_socket == Path("/run/proctor.sock")
    assert settings.token_file == Path("/etc/proctor.token")
    assert (settings.hosts, settings.timezone) == (("box.example",), "Europe/Riga")
    assert settings.max_replicas == 5
    assert settings.pools == {"db": 2}
    assert (settings.history.runs, settings.history.days) == (10, 0.5)
    assert settings.history.events == 20_000
    assert settings.output.segment_size == 1 << 20
    assert settings.output.replica_quota == 16 << 20
    assert settings.output.total_quota == 10**9
    assert (settings.log.level, settings.log.style) == ("debug", "json")
    assert (settings.http.max_body, settings.http.body_timeout) == (65536, 5.0)


def test_the_page_about_settings_shows_all_of_them_with_their_defaults(tmp_path: Path) -> None:
    page = Path(__file__).parents[1] / "docs" / "settings.md"
    (shown,) = re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)

    assert load(write(tmp_path, shown), environ=ENVIRON) == load(environ=ENVIRON)
    named = set(re.findall(r"^(?:# )?(\w+) =|^\[(\w+)\]", shown, re.M))
    assert {a or b for a, b in named} == set(_names(Settings))


def _names(struct: type[Struct]) -> Iterator[str]:
    for field in fields(struct):
        yield field.name
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            yield from _names(field.type)


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'port = 80\nhost = "localhost"\nstate_dir = "/srv/file"')

    settings = load(file, {"port": 81, "host": None, "state_dir": Path("/srv/line")}, ENVIRON)

    assert (settings.host, settings.port) == ("localhost", 81)
    assert settings.unix_socket == Path("/srv/line/proctor.sock")


def test_paths_in_a_file_are_relative_to_it_and_others_to_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", "/home/somebody")
    file = write(there, 'state_dir = "state"\ntoken_file = "~/token"')

    settings = load(file, {"unix_socket": "socket"}, ENVIRON)

    assert settings.state_dir == there / "state"
    assert settings.token_file == Path("/home/somebody/token")
    assert settings.unix_socket == here / "socket"


@pytest.mark.parametrize("off", ["none", ""])
def test_the_unix_socket_can_be_turned_off(tmp_path: Path, off: str) -> None:
    assert load(write(tmp_path, f'unix_socket = "{off}"'), environ=ENVIRON).unix_socket is None
    assert load(None, {"unix_socket": off}, ENVIRON).unix_socket is None


@pytest.mark.parametrize(
    ("uid", "environ", "expected"),
    [
        (0, {}, "/var/lib/proctor"),
        (0, {"XDG_STATE_HOME": "/x"}, "/var/lib/proctor"),
        (1000, {}, "/home/somebody/.local/state/proctor"),
        (1000, {"XDG_STATE_HOME": "/x"}, "/x/proctor"),
        (1000, {"XDG_STATE_HOME": "not/absolute"}, "/home/somebody/.local/state/proctor"),
        (1000, {"XDG_STATE_HOME": "/x", "PROCTOR_STATE_DIR": "/y"}, "/y"),
        (0, {"PROCTOR_STATE_DIR": "/y"}, "/y"),
    ],
)
def test_the_default_state_directory(
    monkeypatch: pytest.MonkeyPatch, uid: int, environ: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setenv("HOME", "/home/somebody")

    assert load(environ=environ).state_dir == Path(expected)


# fmt: off
REFUSED = [
    ("port = 'http'", "port: expected int, got str"),
    ("port = 65536", "port: expected int <= 65535"),
    ("port = -1", "port: expected int >= 0"),
    ("port = true", "port: expected int, got bool"),
    ("host = 127", "host: expected str, got int"),
    ("host = ''", "host: empty"),
    ("hosts = 'box'", "hosts: expected array, got str"),
    ("hosts = [1]", "hosts[0]: expected str, got int"),
    ("insecure = 'yes'", "insecure: expected bool, got str"),
    ("prot = 1", "prot: no such setting"),
    ("[log]\ncolour = 1", "log.colour: no such setting"),
    ("[log]\nlevel = 'loud'", "log.level: invalid enum value 'loud'"),
    ("log = 'debug'", "log: expected object, got str"),
    ("[output]\nsegment_size = '10 MB'", "output.segment_size: '10 MB' is not a size"),
    ("[output]\nsegment_size = 0", "output.segment_size: 0 is not a size"),
    ("[output]\nsegment_size = -5", "output.segment_size: -5 is not a size"),
    ("[output]\nsegment_size = true", "output.segment_size: True is not a size"),
    ("[output]\nsegment_size = 1.5", "output.segment_size: 1.5 is not a size"),
    ("[http]\nbody_timeout = 0", "http.body_timeout: expected float > 0"),
    ("[http]\nbody_timeout = inf", "http.body_timeout: expected float <= 3600"),
    ("max_replicas = 0", "max_replicas: expected int >= 1"),
    ("state_dir = 5", "state_dir: expected str, got int"),
    ("state_dir = ''", "state_dir: '' is not a path"),
    ('state_dir = "a\\u0000b"', "state_dir: 'a\\x00b' is not a path"),
    ("token_file = ['a']", "token_file: expected str, got list"),
    ("unix_socket = 5", "unix_socket: expected str, got int"),
    (f"unix_socket = '/{'x' * 107}'", "is longer than 107 bytes"),
    ("timezone = 'Mars/Olympus'", "timezone: there is no time zone named 'Mars/Olympus'"),
    ("port = ", "not TOML: Invalid value (at end of document)"),
    ("port = 1\nport = 2", "not TOML: Cannot overwrite a value"),
]
# fmt: on


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_a_bad_file_is_refused_with_its_name_and_the_key(
    tmp_path: Path, text: str, why: str
) -> None:
    file = write(tmp_path, text)

    line = refusal(file)

    assert line.startswith(f"{file}: ")
    assert why in line


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"port = 1 # \xff")

    assert refusal(tmp_path / "absent") == f"{tmp_path / 'absent'}: No such file or directory"
    assert refusal(tmp_path) == f"{tmp_path}: Is a directory"
    assert refusal(binary) == f"{binary}: not UTF-8 at byte 11"


def test_a_bad_option_is_refused() -> None:
    assert refusal(None, port=70000) == "the command line: port: expected int <= 65535"
    assert refusal(None, host="") == (
        "the command line: host: empty (expected an address, such as 127.0.0.1)"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "127.9.9.9", "::1", "localhost", "0:0::1"])
def test_these_hosts_are_loopback_and_need_no_token(host: str) -> None:
    assert is_loopback(host)
    assert read_token(load(None, {"host": host}, ENVIRON), {}) is None


OUTSIDE = [
    "0.0.0.0",
    "::",
    "0",
    "10.0.0.1",
    "1.127",
    "example.com",
    "127.example",
    "::ffff:10.0.0.1",
    "fe80::1",
    "é",
]


@pytest.mark.parametrize("host", [*OUTSIDE, "::ffff:10.0.0.1", "fe80::1", "a\0b"])
def test_other_hosts_need_a_token_or_insecure(host: str) -> None:
    settings = load(None, {"host": host}, ENVIRON)

    assert not is_loopback(host)
    with pytest.raises(ConfigError, match=r"give a token .* or --insecure"):
        read_token(settings, {})
    assert read_token(settings, {"PROCTOR_TOKEN": "secret"}) == "secret"
    assert read_token(load(None, {"host": host, "insecure": True}, ENVIRON), {}) is None


def test_the_token_file_wins_over_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text("from-file\n")
    settings = load(None, {"token_file": file}, ENVIRON)

    assert read_token(settings, {"PROCTOR_TOKEN": "from-environment"}) == "from-file"


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (b"secret\n", 0o604, "anyone can read this token"),
        (b"secret\n", 0o602, "anyone can read this token"),
        (b"", 0o600, "a token is one word of visible ASCII characters"),
        (b"two words", 0o600, "a token is one word of visible ASCII characters"),
        (b"\xc3\xa9", 0o600, "a token is one word of visible ASCII characters"),
        (None, 0o600, "No such file or directory"),
    ],
)
def test_a_bad_token_file_is_refused_without_showing_the_token(
    tmp_path: Path, content: bytes | None, mode: int, why: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    settings = load(None, {"token_file": file}, ENVIRON)

    with pytest.raises(ConfigError, match=f"^{re.escape(str(file))}: {re.escape(why)}") as caught:
        read_token(settings, {})
    assert "secret" not in str(caught.value)


def test_a_bad_token_in_the_environment_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^PROCTOR_TOKEN: a token is one word"):
        read_token(load(environ=ENVIRON), {"PROCTOR_TOKEN": ""})
