"""Reads the source of a page."""

from __future__ import annotations

from typing import Any


def text(response: Any) -> str:
    """Return the page's source."""
    source: str = response.content.decode()
    return source
