"""Speaks circus's protocol for the bench: a JSON line in, circus's answer as a JSON line out.

Runs in the peers' environment.  {"bench": COMMAND, "clients": N, "seconds": S} asks COMMAND from N
sockets as fast as they are answered.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import Any

import zmq


def main() -> None:
    endpoint = sys.argv[1]
    context = zmq.Context()
    connection = connect(context, endpoint)
    for line in sys.stdin:
        message = json.loads(line)
        if "bench" in message:
            sockets = [connect(context, endpoint) for _ in range(message["clients"])]
            answer = {"answers_a_second": bench(sockets, message)}
        else:
            send(connection, message)
            if not connection.poll(60_000):
                sys.exit("circus does not answer")
            answer = json.loads(connection.recv())
        print(json.dumps(answer), flush=True)
    context.destroy(linger=0)


def connect(context: Any, endpoint: str) -> Any:
    connection = context.socket(zmq.DEALER)
    connection.setsockopt(zmq.IDENTITY, uuid.uuid4().hex.encode())
    connection.connect(endpoint)
    return connection


def send(connection: Any, message: dict[str, Any]) -> None:
    connection.send_json({"id": uuid.uuid4().hex, "properties": {}, **message})


def bench(sockets: list[Any], message: dict[str, Any]) -> float:
    question = {"command": message["bench"]}
    poller = zmq.Poller()
    for connection in sockets:
        poller.register(connection, zmq.POLLIN)
        send(connection, question)
    begin = time.monotonic()
    answers = 0
    while time.monotonic() < begin + message["seconds"]:
        for connection, _ in poller.poll(1000):
            connection.recv()
            answers += 1
            send(connection, question)
    return answers / (time.monotonic() - begin)


if __name__ == "__main__":
    main()
