"""Sending a problem."""

from __future__ import annotations

from .body import drain
from .errors import Dialect, Problem
from .reply import CLOSE, Receive, Send, send_head, send_reply, with_headers


async def send_problem(problem: Problem, dialect: Dialect, receive: Receive, send: Send) -> None:
    """Send an error; if the client may still be sending, see that it can read the answer."""
    reply = dialect(problem)
    if not problem.close:
        await send_reply(reply, send)
        return
    await send_head(with_headers(reply, CLOSE), send)
    await drain(receive)
    await send({"type": "http.response.body", "body": b""})
