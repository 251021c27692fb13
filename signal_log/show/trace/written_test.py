"""The frame of a written pytest test: imports, the name and docstring of what it repeats, and its body."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from signal_log.show.trace.literals import triple_quoted

INDENT: Final = "    "
MOST_LINES: Final = 300
"""A longer tree is asserted in part."""
STANDARD: Final = ("from datetime ", "from decimal ", "from uuid ")
SECRET: Final = "Correct-Horse-9"  # noqa: S105  stands in a test for a value that was masked


def written_test(begun: str, ended: str, body: Iterable[str], imports: set[str], fixtures: str, secret: bool) -> str:
    """The test as text; ``begun`` and ``ended`` are on one line, and ``secret`` says that the body names ``SECRET``."""
    own = sorted(text for text in imports if text.startswith(STANDARD))
    head = [*own, *([""] if own else []), "import pytest", *sorted(imports - set(own))]
    if secret:
        head += ["", f'SECRET = "{SECRET}"  # the log does not know the value']
    name = re.sub(r"[^a-z0-9]+", "_", begun.lower()).strip("_")[:60] or "trace"
    docstring = f'"""{triple_quoted(f"{begun} → {ended}" if ended else begun)}."""'
    lines = [*head, "", "", "@pytest.mark.django_db", f"def test_{name}({fixtures}):"]
    return "\n".join(text.rstrip() for text in (*lines, *(INDENT + text for text in (docstring, *body)))) + "\n"


def tree_asserted(tree: Sequence[str]) -> list[str]:
    """The lines that assert a tree."""
    shown = [INDENT + triple_quoted(text) for text in tree[:MOST_LINES]]
    if len(tree) <= MOST_LINES:
        return ['seen.assert_tree("""', *shown, '""")']
    left = f"# {len(tree) - MOST_LINES:,} more lines of the tree are not asserted"
    return ['seen.assert_tree("""', *shown, '""", exact=False)', left]
