"""The project's ASGI application with slow answers at /slow/?SECONDS, and a stop that waits a second and a half."""

import asyncio
from collections.abc import Callable
from typing import Any

from asgi import application as project
from observatory import draining

draining.LONGEST = 1.5  # type: ignore[misc]  a constant everywhere else


async def application(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Answer with the length of what was sent."""
    if scope["type"] != "http" or scope["path"] != "/slow/":
        await project(scope, receive, send)
        return
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message["more_body"]
    await asyncio.sleep(float(scope["query_string"]))
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
