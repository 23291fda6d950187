"""The library `net`: programs that talk over 127.0.0.1."""

import socket
import time

import pytest

from melang.scheduler import Scheduler

PRELUDE = "sys = Import('sys'); net = Import('net'); str = Import('str');\n"


class World:
    """A scheduler and what its scripts have printed."""

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self.printed: list[bytes] = []

    def spawn(self, text: str, **data: object) -> object:
        for name, value in data.items():
            text = text.replace("{" + name + "}", str(value))
        return self.scheduler.spawn((PRELUDE + text).encode(), sink=self.printed.append)

    def run(self, seconds: float = 20) -> list[str]:
        end = time.monotonic() + seconds
        while self.scheduler.step(0.2):
            assert time.monotonic() < end, self.lines()
        return self.lines()

    def lines(self) -> list[str]:
        return b"".join(self.printed).decode().splitlines()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def test_one_server_serves_many_clients(world: World, port: int) -> None:
    world.spawn(
        """
        l = net.tcp_listen('127.0.0.1', '{port}');
        for (i = 0; i < 20; ++i) {
            Eval("
                sys = Import('sys'); net = Import('net');
                fd = net.tcp_connect('127.0.0.1', '{port}', 5000);
                net.tcp_send(fd, 'I am ' + EVAL_DATA);
                sys.print(net.tcp_recv(fd, 5000));
                net.tcp_close(fd);
            ", i, true);
        }
        for (i = 0; i < 20; ++i) {
            c = net.tcp_accept(l, 5000);
            net.tcp_send(c, '[' + net.tcp_recv(c, 5000) + ']');
            net.tcp_close(c);
        }
        net.tcp_close(l);
        """,
        port=port,
    )

    assert sorted(world.run()) == sorted(f"[I am {number}]" for number in range(20))


def test_more_than_a_buffer_arrives_whole(world: World, port: int) -> None:
    world.spawn(
        """
        l = net.tcp_listen('127.0.0.1', '{port}');
        Eval("
            net = Import('net');
            data = '0123456789abcdef';
            for (i = 0; i < 18; ++i) data += data;
            fd = net.tcp_connect('127.0.0.1', '{port}');
            net.tcp_send(fd, data);
            net.tcp_close(fd);
        ", nil, true);
        c = net.tcp_accept(l);
        total = 0;
        while (true) {
            d = net.tcp_recv(c, 5000);
            if (d == true) break; fi
            total += str.strlen(d);
        }
        sys.print(total);
        """,
        port=port,
    )

    assert world.run() == ["4194304"]


def test_a_wait_lets_the_others_run_and_ends_in_time(world: World, port: int) -> None:
    world.spawn(
        """
        l = net.tcp_listen('127.0.0.1', '{port}');
        sys.print(net.tcp_accept(l, 20));
        u = net.udp_create('127.0.0.1', '{port}');
        sys.print(net.udp_recv(u, 10, a, b, 20));
        """,
        port=port,
    )
    world.spawn("sys.print('meanwhile');")

    assert world.run() == ["meanwhile", "nil", "nil"]


def test_the_end_of_a_stream_is_true_and_a_reset_false(world: World, port: int) -> None:
    world.spawn(
        """
        l = net.tcp_listen('127.0.0.1', '{port}');
        sys.print('listening');
        for (i = 0; i < 2; ++i) { c = net.tcp_accept(l, 5000); sys.print(net.tcp_recv(c, 5000)); }
        """,
        port=port,
    )
    while "listening" not in world.lines():
        world.scheduler.step()

    socket.create_connection(("127.0.0.1", port)).close()
    reset = socket.create_connection(("127.0.0.1", port))
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    reset.close()

    assert world.run() == ["listening", "true", "false"]


def test_shutdown_of_one_direction_leaves_the_other(world: World, port: int) -> None:
    world.spawn(
        """
        l = net.tcp_listen('127.0.0.1', '{port}');
        Eval("
            net = Import('net'); sys = Import('sys');
            fd = net.tcp_connect('127.0.0.1', '{port}');
            net.tcp_shutdown(fd, 'SEND');
            sys.print(net.tcp_send(fd, 'x'));
            sys.print(net.tcp_recv(fd, 5000));
            net.tcp_shutdown(fd, 'recv');
            sys.print(net.tcp_recv(fd, 10));
        ", nil, true);
        c = net.tcp_accept(l, 5000);
        sys.print(net.tcp_recv(c, 5000));
        net.tcp_send(c, 'still here');
        """,
        port=port,
    )

    assert [line.split(": ")[-1] for line in world.run()] == [
        *("Socket send shutdown.", "false", "true", "still here", "false"),
    ]


def test_a_socket_in_use_is_refused_to_others_until_its_user_ends(world: World, port: int) -> None:
    world.spawn(
        """
        l = net.tcp_listen('127.0.0.1', '{port}');
        Eval("net = Import('net'); net.tcp_accept(EVAL_DATA);", l, true, 'waiter');
        sys.msleep(0);
        sys.print(net.tcp_accept(l, 0));
        Kill('waiter');
        sys.print(net.tcp_accept(l, 0));
        """,
        port=port,
    )

    lines = world.run()

    assert lines[0].endswith("Socket used in other script task.")
    assert lines[1:] == ["false", "nil"]


def test_closing_wakes_who_waits(world: World, port: int) -> None:
    world.spawn(
        """
        l = net.tcp_listen('127.0.0.1', '{port}');
        u = net.udp_create('127.0.0.1', '{port}');
        code = "Import('sys').print(Import('net')";
        Eval("n = Import('net'); s = Import('sys'); s.print(n.tcp_accept(EVAL_DATA));", l, true);
        Eval("n = Import('net'); s = Import('sys'); s.print(n.udp_recv(EVAL_DATA, 9, a, b));",
             u, true);
        sys.msleep(0);
        net.tcp_close(l);
        net.udp_close(u);
        sys.print('closed');
        """,
        port=port,
    )

    assert world.run() == ["closed", "false", "false"]


def test_a_number_can_be_handed_to_another_coroutine(world: World, port: int) -> None:
    world.spawn(
        """
        l = net.tcp_listen('127.0.0.1', '{port}');
        Eval("
            net = Import('net'); sys = Import('sys');
            sys.msleep(20);
            sys.print(net.tcp_accept(EVAL_DATA, 10));
        ", l, true);
        """,
        port=port,
    )

    assert world.run() == ["nil"]


def test_nobody_keeps_the_sockets_of_a_script_that_is_gone(world: World, port: int) -> None:
    """Else the next start would share the port with a socket that nobody serves."""
    world.spawn("net.tcp_listen('127.0.0.1', '{port}');", port=port)
    other: list[bytes] = []
    world.scheduler.spawn(b"sys = Import('sys'); sys.msleep(200);", sink=other.append)

    while len(world.scheduler.coroutines) > 1:
        world.scheduler.step()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    world.run()


def test_what_the_system_refuses_is_false(world: World, port: int) -> None:
    world.spawn(
        r"""
        sys.print(net.tcp_connect('127.0.0.1', '{port}', 1000));
        sys.print(net.tcp_connect('127.0.0.1', 'no-such-service'));
        sys.print(net.tcp_listen('999.1.1.1', '80'));
        sys.print(net.tcp_recv(9999, 10));
        sys.print(net.tcp_close(9999));
        """,
        port=port,
    )

    assert world.run() == ["false", "false", "false", "false", "nil"]


def test_datagrams_are_cut_and_tell_their_sender(world: World, port: int) -> None:
    world.spawn(
        """
        u = net.udp_create('127.0.0.1', '{port}');
        c = net.udp_create();
        net.udp_send(c, 'abcdefgh', 'localhost', '{port}');
        net.udp_send(c, '', '127.0.0.1', '{port}');
        sys.print(net.udp_recv(u, 3, ip, from, 1000));
        sys.print(ip + ' ' + sys.type(from));
        sys.print(net.udp_recv(u, 3, ip, from, 1000));
        """,
        port=port,
    )

    assert world.run() == ["abc", "127.0.0.1 int", "false"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("tcp_listen(127, '80')", "Invalid type of argument 1."),
        ("tcp_listen('127.0.0.1', 80)", "Invalid type of argument 2."),
        ("tcp_accept('3')", "Invalid type of argument 1."),
        ("tcp_accept(3, -1)", "Invalid type of argument 2."),
        ("tcp_connect('h', 's', 'x')", "Invalid type of argument 3."),
        ("tcp_connect('h', nil, nil)", "Invalid type of argument 2."),
        ("tcp_send(3, 5)", "Invalid type of argument 2."),
        ("tcp_recv('3')", "Invalid type of argument 1."),
        ("tcp_shutdown(9999, 'send')", "socket not existing."),
        ("tcp_shutdown(net.tcp_listen('127.0.0.1', '0'), 'both')", "Invalid type of argument 2."),
        ("tcp_close()", "Invalid type of argument 1."),
        ("udp_create('127.0.0.1')", "service cannot be nil."),
        ("udp_create(nil, '80')", "host cannot be nil."),
        ("udp_create(5)", "Invalid type of argument 1."),
        ("udp_send(9999, '', 'h', 's')", "socket not existing."),
        ("udp_send(3, '', 'h', 5)", "Invalid type of argument 4."),
        ("udp_recv(net.udp_create(), 0, a, b, 10)", "Invalid type of argument 2."),
        ("udp_recv(net.udp_create(), 9, a, b, -1)", "Invalid type of argument 5."),
        ("udp_recv(9999, 9, a, b)", "socket not existing."),
        ("udp_close('x')", "Invalid type of argument 1."),
    ],
)
def test_a_wrong_argument_ends_the_coroutine(world: World, call: str, message: str) -> None:
    world.spawn(f"net.{call}; sys.print('not reached');")

    assert world.run() == [f" :2: {message}"]
