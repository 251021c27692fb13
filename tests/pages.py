"""What tests of pages share: their source."""

from __future__ import annotations

from typing import Any


def text(response: Any) -> str:
    """The page's source."""
    source: str = response.content.decode()
    return source
