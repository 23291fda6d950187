"""What the demo's tasks run: small programs that behave, write and use memory as real ones do.

program.py ROLE [ARGUMENT ...]
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

REPLICA = os.environ.get("PROCTOR_REPLICA", "0")


def say(text: str) -> None:
    print(text, flush=True)


def say_json(level: str, message: str, **more: object) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    say(json.dumps({"time": at, "level": level, "msg": message, **more}))


def work(seconds: float) -> None:
    """Keep a CPU busy."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


class SharedServer(HTTPServer):
    """All replicas listen on one port; the kernel spreads the connections."""

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()


def web(port: str) -> None:
    say_json("info", "listening", port=int(port))
    server = SharedServer(("127.0.0.1", int(port)), Shop)
    server.timeout = 0.4
    paths = ["/", "/cart", "/products/17", "/products/4", "/checkout", "/search?q=lamp"]
    while True:
        server.handle_request()
        if random.random() < 0.5:
            took = abs(random.gauss(18, 12))
            work(took / 4000)
            slow = took > 40
            say_json(
                "warning" if slow else "info",
                "slow request" if slow else "request",
                path=random.choice(paths),
                status=200,
                ms=round(took, 1),
            )


def db(port: str) -> None:
    kept = bytearray(24 << 20)
    kept[::4096] = b"\1" * len(kept[::4096])
    with socket.create_server(("127.0.0.1", int(port))) as server:
        say("LOG:  database system is ready to accept connections")
        server.settimeout(1)
        checkpoint = 0
        while True:
            try:
                server.accept()[0].close()
            except TimeoutError:
                checkpoint += 1
                work(0.02)
                if checkpoint % 15 == 0:
                    say(f"LOG:  checkpoint complete: wrote {random.randint(20, 400)} buffers")


def worker() -> None:
    say(f"\033[1mworker {REPLICA}\033[0m waits for jobs on \033[36mredis://127.0.0.1/0\033[0m")
    job = int(REPLICA) * 1000
    held: list[bytes] = []
    while True:
        time.sleep(random.uniform(0.3, 1.8))
        job += 1
        work(random.uniform(0.01, 0.12))
        held.append(os.urandom(1 << 18))
        if len(held) > random.randint(10, 60):
            held.clear()
        if random.random() < 0.08:
            say(f"\033[33mWARN\033[0m  job {job} took long, retrying")
        else:
            order = random.randint(1, 9999)
            say(f"\033[32mINFO\033[0m  job {job} done: send_receipt(order={order})")


def mailer() -> None:
    say("INFO  connecting to smtp://mail.internal:587")
    time.sleep(random.uniform(1, 3))
    print("Traceback (most recent call last):", file=sys.stderr)
    print('  File "mailer.py", line 41, in connect', file=sys.stderr)
    print("ConnectionRefusedError: [Errno 111] Connection refused", file=sys.stderr, flush=True)
    sys.exit(1)


def migrate() -> None:
    for number, name in enumerate(("accounts", "orders", "order_items", "receipts"), 1):
        time.sleep(0.2)
        say(f"migration {number:04d}_{name} ... ok")
    say("4 migrations applied")


def ingest() -> None:
    say("reading s3://shop-feeds/products.csv")
    time.sleep(0.6)
    say("error: line 18231: expected 9 fields, got 7")
    sys.exit(2)


def report() -> None:
    for part in ("sales", "returns", "stock"):
        time.sleep(random.uniform(0.5, 4))
        work(0.15)
        say(f"report {part}: {random.randint(200, 9000)} rows")


def cleanup() -> None:
    time.sleep(random.uniform(0.2, 1.5))
    if random.random() < 0.3:
        say("error: /var/cache/shop: Device or resource busy")
        sys.exit(1)
    say(f"removed {random.randint(3, 90)} files")


def backup() -> None:
    for percent in (0, 25, 50, 75, 100):
        say(f"pg_dump shop: {percent} %")
        time.sleep(0.4)
        work(0.1)


def agent() -> None:
    while True:
        time.sleep(5)
        say_json("debug", "sent", points=random.randint(40, 60))


def gateway() -> None:
    say("starting; fetching certificates from vault.internal")
    while True:
        time.sleep(4)
        say("vault.internal: no answer, trying again")


ROLES: dict[str, Callable[..., None]] = {
    role.__name__: role
    for role in (
        web, db, worker, mailer, migrate, ingest, report, cleanup, backup, agent, gateway
    )
}  # fmt: skip


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    random.seed()
    ROLES[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
