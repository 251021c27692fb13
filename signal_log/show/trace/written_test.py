"""The frame of a written pytest test: imports, the name and docstring of what it repeats, and its body."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

INDENT: Final = "    "
STANDARD: Final = ("from datetime ", "from decimal ", "from uuid ")
SECRET: Final = "Correct-Horse-9"  # noqa: S105  stands in a test for a value that was masked


def written_test(begun: str, ended: str, body: Iterable[str], imports: set[str], fixtures: str, secret: bool) -> str:
    """The test as text; ``begun`` and ``ended`` are on one line, and ``secret`` says that the body names ``SECRET``."""
    own = sorted(text for text in imports if text.startswith(STANDARD))
    head = [*own, *([""] if own else []), "import pytest", *sorted(imports - set(own))]
    if secret:
        head += ["", f'SECRET = "{SECRET}"  # the log does not know the value']
    name = re.sub(r"[^a-z0-9]+", "_", begun.lower()).strip("_")[:60] or "trace"
    said = f"{begun} → {ended}" if ended else begun
    docstring = f"# {said}" if '"' in said else f'"""{said}."""'.replace("\\", "/")
    lines = [*head, "", "", "@pytest.mark.django_db", f"def test_{name}({fixtures}):"]
    return "\n".join(text.rstrip() for text in (*lines, *(INDENT + text for text in (docstring, *body)))) + "\n"
