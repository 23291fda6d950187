"""A manager that does nothing but hand its keeper's socket to the test, and wait to be ended."""

import os
import select
import socket
import sys

keeper = int(os.environ["PROCTOR_KEEPER_FD"])
door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
try:
    door.connect(sys.argv[1])
except OSError:
    sys.exit(1)
socket.send_fds(door, [str(os.getpid()).encode()], [keeper])
os.close(keeper)
poll = select.poll()
poll.register(os.pidfd_open(os.getppid()), select.POLLIN)
poll.poll()  # A keeper that was killed must not leave us behind.
