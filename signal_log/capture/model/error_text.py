"""What the log tells of an exception: its class, and as much of its message as holds no secret."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from typing import Any, Final

from signal_log.capture.model.masked_values import shows_one_of
from signal_log.capture.model.masking import secret_names
from signal_log.capture.model.secret_text import mask_quoted_value, without_secrets
from signal_log.event import MASK
from signal_log.interruption import let_interruption_pass

MAX_CHARS: Final = 500
MAX_CAUSES: Final = 10
_OF_DATABASES: Final = ("django.db.utils", "psycopg", "sqlite3")
"""Modules of exceptions whose messages quote statements. (A ``ProtectedError`` is Django's own text.)"""
_QUOTED: Final = re.compile(r"""\b(?:can|could|did|do|does|is|was|wo)n?'t\b|(\w+ )?("(?:[^"]|"")*"?|'(?:[^']|'')*'?)""")
"""What is quoted, and words such as *couldn't*, whose apostrophe begins no quotation."""
_NAMED: Final = frozenset({
    "at", "column", "columns", "constraint", "cursor", "database", "domain", "enum", "function", "index", "policy",
    "relation", "role", "savepoint", "schema", "sequence", "table", "trigger", "type", "user", "view",
})  # fmt: skip
"""Words before a quoted name in the messages of databases; anything else that is quoted may be a value."""
_UNQUOTED: Final = re.compile(r"((?:no such (?:column|function)|unrecognized token|malformed JSON|datatype):? ).+")
_UNKNOWN_COLUMN: Final = re.compile(r'(column )"[^"]*"( does not exist)')
_DETAIL: Final = re.compile(r"\)=\(.*")


def error_text(error: BaseException | None, *secrets: Iterable[Any]) -> str:
    """The exception's class and message, in one line of at most 500 characters, without what is secret.

    A message that quotes one of ``secrets`` is masked whole; of a database's message only what is no value is kept.
    """
    if error is None:
        return ""
    kind = type(error).__name__
    try:
        message = str(error)
    except BaseException as raised:  # noqa: BLE001  its __str__ may raise anything
        let_interruption_pass(raised)
        return kind
    if not message:
        return f"{kind}: "
    if type(error).__module__.startswith(_OF_DATABASES):
        message = _of_database(message)
    # Masked before it is cut: half a secret is one.
    return f"{kind}: {shown_message(message, *secrets)}".split("\n")[0][:MAX_CHARS]


def shown_message(message: str, *secrets: Iterable[Any]) -> str:
    """What somebody else's program has said, without what is secret; masked whole if it quotes one of ``secrets``."""
    if any(shows_one_of(message, each) for each in secrets):
        return MASK
    names = secret_names()
    return mask_quoted_value(without_secrets(message, names), names)


def traceback_text(error: BaseException, secrets: Iterable[Any] = ()) -> str:
    """Where an exception and its causes came from, as lines of files and functions, without source and values."""
    lines: list[str] = []
    cause: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if cause is None:
            break
        frames = traceback.extract_tb(cause.__traceback__)
        where = [f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}' for frame in frames]
        lines = [*where, error_text(cause, secrets), *(["which led to:", *lines] if lines else ())]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\n".join(lines)


def _of_database(message: str) -> str:
    """The first line of a database's message, with everything quoted masked that is not the name of something."""
    line = _UNKNOWN_COLUMN.sub(rf"\1{MASK}\2", message.split("\n")[0])  # a text in double quotes is read as one
    line = _QUOTED.sub(_shown, line)
    return _DETAIL.sub(f")=({MASK})", _UNQUOTED.sub(rf"\1{MASK}", line))


def _shown(match: re.Match[str]) -> str:
    if match[2] is None:
        return match[0]
    before = match[1] or ""
    return match[0] if before.strip().lower() in _NAMED else f"{before}{MASK}"
