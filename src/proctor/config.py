"""What the service can be told: a TOML file, then the command line; and the state directory.

Whatever is wrong with it is a `ConfigError`, one line for whoever starts the service.

Rule: without a token the service listens on loopback addresses and Unix sockets only, unless it is
told that this is insecure.
"""

import os
import re
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from .core.errors import BadSchedule

LONGEST_SOCKET_PATH = 107  # sun_path, unix(7), without the closing NUL
UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


class ConfigError(Exception):
    """The message is one line; the command says it and exits with status 2."""


class Size(int):
    """Bytes; written as a number or as text like "64 MiB"."""


class OutputSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of the output of tasks, in bytes: of a file, of a replica, of all.

    Seconds: `segment_age` until a new file is begun, `max_age` until output is dropped (None: when
    a quota drops it).  `compress` files that are not written to any more.
    """

    segment_size: Size = Size(10 << 20)
    replica_quota: Size = Size(100 << 20)
    total_quota: Size = Size(2 << 30)
    segment_age: Annotated[float, Meta(gt=0)] = 86_400.0
    max_age: Annotated[float, Meta(gt=0)] | None = None
    compress: bool = True


class HistorySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept: ended runs of each task, of all, and for so many days; events.

    Those of a removed task are kept, too, and each may be over by an eighth for up to an hour.
    """

    runs: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    all_runs: Annotated[int, Meta(ge=1, le=100_000_000)] = 1_000_000
    days: Annotated[float, Meta(gt=0, le=36_500)] = 90.0
    events: Annotated[int, Meta(ge=100, le=10_000_000)] = 20_000


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The service's own log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    style: Literal["auto", "text", "json"] = "auto"


class HttpSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`max_body` in bytes; `body_timeout`: seconds that a client has to send all of one."""

    max_body: Size = Size(1 << 20)
    body_timeout: Annotated[float, Meta(gt=0, le=3600)] = 30.0


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings, complete; the names are those of the file.

    `state_dir` and the paths are absolute.  `unix_socket` is None if there is to be none.
    `hosts` are names, beside the bound and the loopback ones, by which clients may call us.
    `pools` are the slots of each pool: so many runs of the tasks in it go on at a time.
    """

    state_dir: Path
    unix_socket: Path | None
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8606
    token_file: Path | None = None
    insecure: bool = False
    hosts: tuple[str, ...] = ()
    timezone: str = "local"
    max_replicas: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    pools: dict[str, Annotated[int, Meta(ge=1, le=1_000_000)]] = field(default_factory=dict)
    history: HistorySettings = field(default_factory=HistorySettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    log: LogSettings = field(default_factory=LogSettings)
    http: HttpSettings = field(default_factory=HttpSettings)


def load(
    file: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Return the settings of `file` with `overrides` (None: not given) on top.

    Paths in the file are relative to its directory, others to the current one.
    Raises ConfigError.
    """
    values: dict[str, object] = {}
    if file is not None:
        values = _read(file)
        _settings(values, environ, str(file), file.absolute().parent)
        values = _with_absolute_paths(values, file.absolute().parent)
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    return _settings(values | given, environ, "the command line", Path.cwd())


def read_token(settings: Settings, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the token that clients must show, None for none.

    Raises ConfigError, also if there ought to be one.
    """
    token = environ.get("PROCTOR_TOKEN")
    origin = "PROCTOR_TOKEN"
    if settings.token_file is not None:
        token, origin = _read_token_file(settings.token_file), str(settings.token_file)
    if token is not None and re.fullmatch(r"[!-~]+", token) is None:
        raise ConfigError(f"{origin}: a token is one word of visible ASCII characters")
    if token is None and not settings.insecure and not is_loopback(settings.host):
        raise ConfigError(
            f"listening on {settings.host!r} lets other machines run commands here: "
            "give a token (--token-file, PROCTOR_TOKEN) or --insecure"
        )
    return token


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`; names other than localhost are not trusted."""
    if host.lower() == "localhost":
        return True
    try:
        if ":" in host:
            return socket.inet_pton(socket.AF_INET6, host) == bytes(15) + b"\1"
        return socket.inet_aton(host)[0] == 127  # takes the short forms too, such as 127.1
    except (OSError, ValueError):
        return False


# Reading.


def _read(file: Path) -> dict[str, object]:
    import tomllib  # 14 ms, and most services have no file

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not TOML: {error}") from None


def _settings(
    values: Mapping[str, object], environ: Mapping[str, str], origin: str, base: Path
) -> Settings:
    complete = dict(values)
    if "state_dir" not in complete:
        complete["state_dir"] = str(_default_state_dir(environ))
    try:
        first = _convert(complete | {"unix_socket": None}, base)
        at = complete.get("unix_socket", str(first.state_dir / "proctor.sock"))
        complete["unix_socket"] = None if at in ("", "none") else at
        settings = _convert(complete, base)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{origin}: {_readable(error)}") from None
    _check(settings, origin)
    return settings


def _convert(values: Mapping[str, object], base: Path) -> Settings:
    def decode(kind: type, value: Any) -> Any:
        if kind is Size:
            return _size(value)
        return _path(value, base)

    return msgspec.convert(values, Settings, dec_hook=decode)


def _check(settings: Settings, origin: str) -> None:
    if settings.host == "":
        raise ConfigError(f"{origin}: host: empty (expected an address, such as 127.0.0.1)")
    if settings.unix_socket and len(os.fsencode(settings.unix_socket)) > LONGEST_SOCKET_PATH:
        raise ConfigError(
            f"{origin}: unix_socket: {str(settings.unix_socket)!r} is longer than "
            f'{LONGEST_SOCKET_PATH} bytes (give a shorter path, or "none")'
        )
    if settings.timezone == "local":
        return  # without loading what only schedules need
    from .core.zones import find_zone

    try:
        find_zone(settings.timezone)
    except BadSchedule as error:
        raise ConfigError(f"{origin}: timezone: {error}") from None


def _with_absolute_paths(values: Mapping[str, object], base: Path) -> dict[str, object]:
    """Return the values, already checked, with paths that mean the same from anywhere."""
    absolute = dict(values)
    for key in ("state_dir", "unix_socket", "token_file"):
        if (value := values.get(key)) not in (None, "", "none"):
            absolute[key] = str(_path(value, base))
    return absolute


def _path(value: object, base: Path) -> Path:
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    if value == "" or "\0" in value:
        raise ValueError(f"{value!r} is not a path")
    try:
        return base / Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no home directory for {value!r}") from None


def _size(value: object) -> Size:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return Size(value)
    match = isinstance(value, str) and re.fullmatch(r"([1-9][0-9]{0,14}) ?([KMGT]iB|B|)", value)
    if not match:
        raise ValueError(f'{value!r} is not a size (expected bytes, or text like "64 MiB")')
    return Size(int(match[1]) * UNITS[match[2]])


def _readable(error: msgspec.ValidationError) -> str:
    """Turn "Expected `int`, got `str` - at `$.port`" into "port: expected int, got str"."""
    text, _, place = str(error).partition(" - at `$")
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", text, re.DOTALL):
        place = f"{place.rstrip('`')}.{unknown[1]}"
        text = "no such setting"
    for word in ("Expected", "Invalid"):
        text = text.replace(word, word.lower(), 1) if text.startswith(word) else text
    key = place.rstrip("`").lstrip(".")
    return f"{key}: {text.replace('`', '')}" if key else text


def _default_state_dir(environ: Mapping[str, str]) -> Path:
    """Return $PROCTOR_STATE_DIR, root's place, or the user's (XDG Base Directory Specification)."""
    if given := environ.get("PROCTOR_STATE_DIR"):
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/proctor")
    base = environ.get("XDG_STATE_HOME", "")
    if base.startswith("/"):
        return Path(base, "proctor")
    return Path("~/.local/state/proctor")


def _read_token_file(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            token = stream.read(4096)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise ConfigError(f"{file}: anyone can read this token (chmod 600 it, and change it)")
    return token.decode("ascii", "replace").strip()
