"""The library `mysql`: the set `Mysql`, an object of which is a session with a MySQL server.

Works with the package PyMySQL, which Proctor installs only on demand.  Every call that
talks to the server does so in a thread, while other coroutines go on.
"""

from __future__ import annotations

from collections.abc import Callable

from ..array import Array
from ..builtin import builtin
from ..errors import MelangError
from ..plain import Value
from ..values import Object, SetDef
from ._elsewhere import elsewhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from ..coroutine import Coroutine

    T = TypeVar("T")

RESOURCE = "mysql"
MISSING = "Library mysql needs the Python package PyMySQL: pip install 'proctor[mysql]'."


class Session:
    """A connection, if there is one, and what went wrong last."""

    __slots__ = ("busy", "connection", "dropped", "errno", "error")

    def __init__(self) -> None:
        self.connection: Any = None
        self.busy = False
        self.dropped = False
        self.errno = 0
        self.error = ""

    def drop(self) -> None:
        """Close the connection; one that a thread is using is closed by that thread."""
        self.dropped = True
        if self.connection is not None and not self.busy:
            self.connection.close()
            self.connection = None

    def run(self, co: Coroutine, work: Callable[[], T]) -> T | None:
        """Return what `work` returns, from a thread; None, and the reason noted, if it fails."""
        from pymysql import MySQLError

        def in_thread() -> T:
            try:
                return work()
            finally:
                self.busy = False
                if self.dropped:
                    self.drop()

        self.busy = True
        self.errno, self.error = 0, ""
        try:
            return elsewhere(co, in_thread)
        except (MySQLError, OSError) as error:
            number, *texts = error.args or (0,)
            self.errno = number if type(number) is int else 0
            self.error = str(texts[0] if texts else error)
            return None


def sessions(co: Coroutine) -> dict[int, Session]:
    """Return the sessions of this coroutine by the property `fd` of their object."""
    opened: dict[int, Session] | None = co.resources.get(RESOURCE)
    if opened is None:
        opened = co.resources[RESOURCE] = {}
        co.on_end(lambda: drop_all(opened))
    return opened


def drop_all(opened: dict[int, Session]) -> None:
    for session in opened.values():
        session.drop()
    opened.clear()


def session_of(co: Coroutine, this: Value) -> Session | None:
    if not isinstance(this, Object):
        raise MelangError("'this' not object.")
    if this.set_name != SET.name:
        raise MelangError("Invalid set type, Mysql object required.")
    fd = this.props.get(b"fd")
    return sessions(co).get(fd) if type(fd) is int else None


def string(value: Value, name: str) -> bytes:
    if type(value) is not bytes:
        raise MelangError(f"'{name}' must be string.")
    return value


@builtin(5, method=True)
def connect(
    co: Coroutine,
    this: Value,
    host: Value,
    port: Value,
    dbname: Value,
    username: Value,
    password: Value,
) -> Value:
    previous = session_of(co, this)
    if type(port) is not int:
        raise MelangError("'port' must be integer.")
    account: dict[str, Any] = {
        "host": string(host, "host").decode("utf-8", "replace"),
        "port": port,
        "database": string(dbname, "dbname"),
        "user": string(username, "username"),
        "password": string(password, "password"),
    }
    try:
        import pymysql
    except ImportError:
        raise MelangError(MISSING) from None

    def open_connection() -> None:
        # Values stay the bytes that the server sends, as with the C library.
        session.connection = pymysql.connect(
            **account, charset="utf8mb4", use_unicode=False, conv={}, autocommit=None
        )

    if previous is not None:
        end(co, this, previous)
    session = Session()
    opened = sessions(co)
    fd = 1 + max(opened, default=0)
    opened[fd] = session
    this.put(b"fd", fd)
    session.run(co, open_connection)
    return session.connection is not None


@builtin(0, method=True)
def close(co: Coroutine, this: Value) -> Value:
    session = session_of(co, this)
    if session is not None:
        end(co, this, session)
    return None


def end(co: Coroutine, this: Object, session: Session) -> None:
    del sessions(co)[this.props[b"fd"]]
    this.put(b"fd", 0)
    session.drop()


@builtin(1, method=True)
def execute(co: Coroutine, this: Value, sql: Value) -> Value:
    """Return the rows of a query; true for what has none; false if it fails."""
    session = session_of(co, this)
    if session is None or session.connection is None:
        return False
    statement = string(sql, "sql")

    def query() -> Value:
        with session.connection.cursor() as cursor:
            cursor.execute(statement)
            if cursor.description is None:
                return True
            names = [column[0] for column in cursor.description]
            return names, cursor.fetchall()

    answer = session.run(co, query)
    if answer is None or answer is True:
        return answer is True
    names, rows = answer
    return Array.from_list([record(names, row) for row in rows])


def record(names: list[str], row: tuple[Value, ...]) -> Array:
    """Return a row: its values by position, and by the name of their column if that is one."""
    array = Array()
    for name, value in zip(names, row, strict=True):
        key = name.encode()
        array.set(None if key in (array.keys or {}) else key, value)
    return array


def told(co: Coroutine, this: Value, act: Callable[[Any], object]) -> bool:
    """Have the server do something that answers nothing; whether it did."""
    session = session_of(co, this)
    if session is None or session.connection is None:
        return False
    return session.run(co, lambda: (act(session.connection), True)) is not None


@builtin(1, method=True)
def autocommit(co: Coroutine, this: Value, mode: Value) -> Value:
    if type(mode) is not bool:
        raise MelangError("'mode' must be boolean.")
    return told(co, this, lambda connection: connection.autocommit(mode))


@builtin(0, method=True)
def commit(co: Coroutine, this: Value) -> Value:
    return told(co, this, lambda connection: connection.commit())


@builtin(0, method=True)
def rollback(co: Coroutine, this: Value) -> Value:
    return told(co, this, lambda connection: connection.rollback())


@builtin(0, method=True)
def error(co: Coroutine, this: Value) -> Value:
    """Return the reason why the last call failed, '' if it did not."""
    session = session_of(co, this)
    return False if session is None else session.error.encode()


@builtin(0, method=True)
def errno(co: Coroutine, this: Value) -> Value:
    session = session_of(co, this)
    return False if session is None else session.errno


METHODS = (connect, close, execute, autocommit, commit, rollback, error, errno)
SET = SetDef(b"Mysql", {b"fd": 0} | {method.name: method for method in METHODS})
SETS = {SET.name: SET}
RESULT = SET.name
