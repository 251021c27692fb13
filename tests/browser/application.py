"""The project's ASGI application, with static files answered before Django is asked: a page has a hundred of them."""

from __future__ import annotations

import mimetypes
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import find

from asgi import application as project

STATIC = "/static/"


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with the file that is asked for, or as the project does."""
    file = found(scope["path"]) if scope["type"] == "http" else None
    if not file:
        await project(scope, receive, send)
        return
    kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
    headers = [
        (b"content-type", kind.encode()),
        (b"cache-control", b"max-age=3600, public"),  # browsers keep what an installation has under a hashed name
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": file.read_bytes()})


@cache
def found(path: str) -> Path | None:
    """Return the static file of this address, None where it is another's."""
    file = find(path.removeprefix(STATIC)) if path.startswith(STATIC) else None
    return Path(file) if file else None
