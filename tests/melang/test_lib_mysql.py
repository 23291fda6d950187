"""The library `mysql`, with a server that speaks just enough of the protocol."""

import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from melang.scheduler import Scheduler

Answer = bool | tuple[int, bytes] | list[Sequence[bytes | None]]

OK = b"\0\0\0\2\0\0\0"
END = b"\xfe\0\0\2\0"
GREETING = (
    b"\x0a8.0.0\0\1\0\0\0saltsalt\0"
    + struct.pack("<HBHHB", 0x8208, 45, 2, 0x0008, 21)
    + b"\0" * 10
    + b"saltsaltsalt\0mysql_native_password\0"
)


class Server:
    """Answers each query as told: true, an error, or the rows after the names of columns."""

    def __init__(self) -> None:
        self.answers: dict[bytes, Answer | Callable[[], Answer]] = {}
        self.queries: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.quit = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def stop(self) -> None:
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self.listener.close()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.session, args=(connection,), daemon=True).start()

    def session(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:

            def send(number: int, *packets: bytes) -> None:
                for place, packet in enumerate(packets, number):
                    stream.write(len(packet).to_bytes(3, "little") + bytes([place]) + packet)
                stream.flush()

            def receive() -> bytes:
                head: bytes = stream.read(4)
                return stream.read(int.from_bytes(head[:3], "little")) if head else b""

            send(0, GREETING)
            receive()
            send(2, OK)
            while (packet := receive()) and packet[0] != 1:
                self.queries.append(packet[1:])
                send(1, *packets_of(self.answer(packet[1:])))
            self.quit.set()

    def answer(self, query: bytes) -> Answer:
        answer = self.answers.get(query, True)
        return answer() if callable(answer) else answer


def packets_of(answer: Answer) -> list[bytes]:
    if isinstance(answer, bool):
        return [OK]
    if isinstance(answer, tuple):
        return [b"\xff" + struct.pack("<H", answer[0]) + b"#42S02" + answer[1]]
    names, *rows = answer
    columns = [column(name) for name in names if name is not None]
    return [bytes([len(names)]), *columns, END, *map(row, rows), END]


def counted(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def column(name: bytes) -> bytes:
    names = b"".join(map(counted, [b"def", b"", b"", b"", name, name]))
    return names + b"\x0c" + struct.pack("<HIBHBH", 45, 255, 253, 0, 0, 0)


def row(values: Sequence[bytes | None]) -> bytes:
    return b"".join(b"\xfb" if value is None else counted(value) for value in values)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


PRELUDE = """
sys = Import('sys'); mysql = Import('mysql');
db = $mysql;
db.connect('127.0.0.1', {port}, 'test', 'root', 'secret');
"""


def run(text: str, server: Server) -> list[str]:
    printed: list[bytes] = []
    scheduler = Scheduler()
    scheduler.spawn(text.replace("{port}", str(server.port)).encode(), sink=printed.append)
    end = time.monotonic() + 20
    while scheduler.step(0.2):
        assert time.monotonic() < end
    return b"".join(printed).decode().splitlines()


def test_rows_are_found_by_position_and_by_the_name_of_the_column(server: Server) -> None:
    server.answers[b"select"] = [
        [b"name", b"age", b"name"],
        [b"Tom", b"18", b"x"],
        [b"A", None, b""],
    ]

    lines = run(
        PRELUDE
        + """
        rows = db.execute('select');
        sys.print(rows);
        sys.print(rows[0]['age'] + rows[0]['name'] + rows[0][2]);
        """,
        server,
    )

    assert lines == ["[[Tom, 18, x, ], [A, nil, , ], ]", "18Tomx"]


def test_statements_without_rows_answer_true(server: Server) -> None:
    lines = run(
        PRELUDE
        + """
        sys.print(db.execute('insert'));
        sys.print(db.autocommit(true));
        sys.print(db.commit());
        sys.print(db.rollback());
        sys.print(db.close());
        """,
        server,
    )

    assert lines == ["true", "true", "true", "true", "nil"]
    assert server.queries[-3:] == [b"insert", b"COMMIT", b"ROLLBACK"]


def test_a_failure_is_false_and_explained(server: Server) -> None:
    server.answers[b"bad"] = (1146, b"no such table")

    lines = run(
        PRELUDE
        + """
        sys.print(db.execute('bad')); sys.print(db.errno()); sys.print(db.error());
        sys.print(db.execute('good')); sys.print(db.errno());
        """,
        server,
    )

    assert lines == ["false", "1146", "no such table", "true", "0"]


def test_without_a_session_everything_is_false(server: Server) -> None:
    server.stop()

    lines = run(
        """
        sys = Import('sys'); mysql = Import('mysql'); db = $mysql;
        sys.print(db.execute('x')); sys.print(db.error());
        sys.print(db.connect('127.0.0.1', {port}, 'test', 'root', 'secret'));
        sys.print(db.execute('x')); sys.print(db.errno()); sys.print(db.commit());
        """,
        server,
    )

    assert lines == ["false", "false", "false", "false", "2003", "false"]


def test_other_coroutines_go_on_while_the_server_thinks(server: Server) -> None:
    asked, go = threading.Event(), threading.Event()

    def think() -> Answer:
        asked.set()
        go.wait(20)
        return True

    server.answers[b"slow"] = think
    printed: list[bytes] = []
    scheduler = Scheduler()
    text = PRELUDE + "sys.print(db.execute('slow'));"
    scheduler.spawn(text.replace("{port}", str(server.port)).encode(), sink=printed.append)
    while not asked.is_set():
        scheduler.step(0.01)

    scheduler.spawn(b"sys = Import('sys'); sys.print('meanwhile');", sink=printed.append)
    while not printed:
        scheduler.step(0.01)
    go.set()
    scheduler.run()

    assert b"".join(printed) == b"meanwhile\ntrue\n"


def test_the_end_of_a_coroutine_closes_its_session(server: Server) -> None:
    run(PRELUDE, server)

    assert server.quit.wait(20)


def test_wrong_arguments_end_the_coroutine(server: Server) -> None:
    start = "mysql = Import('mysql'); db = $mysql; "

    assert run(start + "db.connect('h', '3306');", server) == [" :1: 'port' must be integer."]
    assert run(start + "db.connect('h', 3306);", server) == [" :1: 'dbname' must be string."]
    assert run(PRELUDE + "db.execute(5);", server) == [" :5: 'sql' must be string."]


def test_without_pymysql_an_error_says_what_is_missing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)

    lines = run(PRELUDE, server)

    assert len(lines) == 1
    assert "needs the Python package PyMySQL" in lines[0]
