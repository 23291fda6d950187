"""A server on the socket that it is given (fd 3): answers with its pid, and ends in good order."""

import os
import select
import signal
import socket
import sys

assert os.environ["LISTEN_PID"] == str(os.getpid()), os.environ["LISTEN_PID"]
assert os.environ["LISTEN_FDS"] == "1"
assert os.environ["LISTEN_FDNAMES"] == "http"
once = sys.argv[1:] == ["once"]
over, tell = os.pipe2(os.O_NONBLOCK)
signal.set_wakeup_fd(tell)
signal.signal(signal.SIGTERM, lambda *_: None)
listener = socket.socket(fileno=3)
listener.setblocking(False)  # Another one may have been faster.
while over not in select.select([over, listener], [], [])[0]:
    try:
        client, _ = listener.accept()
    except BlockingIOError:
        continue
    with client:
        client.setblocking(True)
        while b"\r\n\r\n" not in client.recv(65536):
            pass
        select.select([], [], [], 0.002)  # It works, and may be told to end meanwhile.
        body = b"%d" % os.getpid()
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        client.sendall(head + body)
    if once:
        break
