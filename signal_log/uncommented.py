"""A script without its comments, as it is shipped: what they say is for those who read its source.

Half of the bytes of the live page's modules are types and reasons. Lines keep their numbers, so that an error names the
place in the source.
"""

from __future__ import annotations

import re

FOLDER = "signal_log/js/"
"""Whose scripts these are, below a folder of static files; others may write comments that are more than comments."""

_COMMENT = re.compile(r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)(?=\n|\Z)", re.MULTILINE | re.DOTALL)


def uncommented(script: str) -> str:
    """The script without the comments that have lines of their own; no template literal of ours has such a line."""
    return _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), script)
