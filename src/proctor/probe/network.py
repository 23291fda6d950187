"""Checks over the network: does it answer, and well?"""

from __future__ import annotations

import asyncio
import http.client
import os
import ssl
from urllib.parse import urlsplit

Answer = tuple[bool, str]
"""Whether the check succeeded, and what was seen."""


async def tcp(target: str, timeout: float) -> Answer:
    """Connect to host:port."""
    host, _, port = target.rpartition(":")
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host.strip("[]") or "127.0.0.1", int(port))
    except TimeoutError:
        return False, f"no connection to {target} within {timeout:g} s"
    except OSError as error:
        # asyncio's own words hide the reason: "Connect call failed".
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        return False, f"no connection to {target}: {why}"
    writer.close()
    return True, f"connected to {target}"


async def http_get(url: str, timeout: float) -> Answer:
    """GET the URL: a status from 200 to 399 is success.  Redirects are not followed."""
    try:
        async with asyncio.timeout(timeout):
            status, reason = await asyncio.to_thread(_status_of, url, timeout)
    except TimeoutError:
        return False, f"{url}: no answer within {timeout:g} s"
    except (OSError, http.client.HTTPException) as error:
        return False, f"{url}: {getattr(error, 'strerror', None) or error or 'no HTTP answer'}"
    return 200 <= status < 400, f"{url}: {status} {reason}"


def _status_of(url: str, timeout: float) -> tuple[int, str]:
    parts = urlsplit(url)
    host = parts.hostname or "127.0.0.1"
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        # A probe asks whether the service answers, mostly on this machine and by address: whose
        # certificate it shows is not its question.
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": "proctor", "Connection": "close"})
        response = connection.getresponse()
        return response.status, response.reason
    finally:
        connection.close()
