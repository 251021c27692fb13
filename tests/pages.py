"""Reads the source of a page."""

from __future__ import annotations

import html
import re
from typing import Any, NamedTuple


def text(response: Any) -> str:
    """Return the page's source."""
    source: str = response.content.decode()
    return source


class TreeRow(NamedTuple):
    """A row of a trace's page."""

    kinds: list[str]
    level: int
    text: str


def tree_rows(response: Any) -> list[TreeRow]:
    """Return the rows of a trace's tree, with their classes and what they say."""
    found = []
    for row in re.findall(r'<tr class="[^"]+" role="row" data-level.*?</tr>', text(response)):
        kinds, level = re.match(r'<tr class="([^"]+)" role="row" data-level="(\d+)"', row).groups()  # type: ignore[union-attr]
        head = re.sub(r'<span class="sr-only">.*?</span>', "", row.partition("<td")[0])
        words = " ".join(html.unescape(re.sub(r"<[^>]*>", "", head)).split())
        found.append(TreeRow(kinds.split(), int(level), words))
    return found
