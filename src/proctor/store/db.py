"""Open the database: pragmas, and the migrations in schema/NNNN_*.sql.

`PRAGMA user_version` is the number of the last migration that was applied.
"""

from __future__ import annotations

import os
import sqlite3
from io import FileIO
from pathlib import Path


class StoreUnusable(Exception):
    """The file is not a database we can use; it was not touched.  The message is one line."""


def open_db(path: Path) -> sqlite3.Connection:
    """Return a connection in autocommit mode, the schema up to date.

    Raises StoreUnusable for a file that is damaged, of a newer Proctor, or not readable.
    """
    connection = None
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        _check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -256")
        _migrate(connection)
    except sqlite3.DatabaseError as error:
        if connection is not None:
            connection.close()
        raise StoreUnusable(f"{path}: {error}; it was left as it is") from error
    except StoreUnusable:
        if connection is not None:
            connection.close()
        raise
    return connection


def open_log(path: Path) -> FileIO:
    """Return the database's write-ahead log, whose name is safe on the disk then.

    SQLite makes the log when a connection first writes or reads, and keeps it until the last one
    is closed.  It takes no locks on it that closing another descriptor could give up.
    """
    log = FileIO(f"{path}-wal", "a")
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return log


def _check(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    newest = len(_migrations())
    if version > newest:
        raise StoreUnusable(
            f"{path}: made by a newer Proctor (schema {version}, this one knows {newest}); "
            "it was left as it is"
        )
    # The quick check reads every page once: about a millisecond for each thousand runs kept.
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StoreUnusable(f"{path}: damaged ({verdict}); it was left as it is")


def _migrate(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, script in enumerate(_migrations(), start=1):
        if number > version:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
            )


def _migrations() -> list[str]:
    """Return the scripts in the order of their numbers, which count from 1 without a gap."""
    scripts = sorted((Path(__file__).parent / "schema").glob("*.sql"))
    return [script.read_text(encoding="utf-8") for script in scripts]
