"""Writes a pytest test that sends the request of a recorded session again, by Django's test client.

The form is the session's; values that were masked are replaced by one constant that passes the usual validators. Rows
that the request changed, and who sent it, are set up through the ORM, from the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model

from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.show.cascade.operation import cascade_of
from signal_log.show.cascade.shape import shape
from signal_log.show.trace.as_test import INDENT, STANDARD, changes
from signal_log.show.trace.rows_for_test import SECRET, Rows
from signal_log.show.words.text import one_line

LINE = 100


def as_client_test(events: Sequence[SignalEvent], asked: Mapping[str, Any], status: str) -> str:
    """The test as text; ``asked`` is what the session kept of the request."""
    whole, rows = cascade_of(events), Rows(events)
    form = _as_dict(asked.get("form") or ())
    method, path = str(asked["method"]).lower(), one_line(str(asked["path"]), 500)
    for operation in whole.roots:
        if operation.verb in ("updated", "deleted") and rows.knows(operation.last.sender):
            rows.name_of(operation.last.sender, operation.last.object_pk)
    label, actor = get_user_model()._meta.label, events[0].actor_pk
    logged_in = [] if not actor else _logged_in(rows.name_of(label, actor), has_password=MASK in form.values())
    call = f"response = client.{method if method in _METHODS else 'post'}({path!r}"
    fields = [f"{name!r}: {'SECRET' if value == MASK else repr(value)}," for name, value in form.items()]
    begun = one_line(f"{method.upper()} {path}", 120)
    ended = f" → {one_line(status, 40)}" if status else ""
    body = [
        f'"""{begun}{ended}."""'.replace("\\", "/") if '"' not in begun else f"# {begun}{ended}",
        *rows.setup,
        *logged_in,
        "",
        "with signal_log.capture() as seen:",
        *([f"{INDENT}{call}, {{", *(INDENT * 2 + field for field in fields), f"{INDENT}}})"] if fields else []),
        *([] if fields else [f"{INDENT}{call})"]),
        "",
        *([f"assert response.status_code == {int(status)}"] if status.isascii() and status.isdigit() else []),
        'seen.assert_tree("""',
        *(INDENT + text for text in shape(whole)),
        '""")',
        *changes(whole.roots),
    ]
    own = sorted(text for text in rows.imports if text.startswith(STANDARD))
    head = [*own, *([""] if own else []), "import pytest", *sorted(rows.imports - set(own))]
    if rows.has_secrets or MASK in form.values():
        head += ["", f'SECRET = "{SECRET}"  # neither log nor session knows the value']
    name = re.sub(r"[^a-z0-9]+", "_", begun.lower()).strip("_")[:60] or "request"
    lines = [*head, "", "", "@pytest.mark.django_db", f"def test_{name}(client, signal_log):"]
    return "\n".join(text.rstrip() for text in (*lines, *(INDENT + text for text in body))) + "\n"


_METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def _logged_in(name: str, *, has_password: bool) -> list[str]:
    password = [f"{name}.set_password(SECRET)", f"{name}.save()"] if has_password else []
    return [*password, f"client.force_login({name})"]


def _as_dict(pairs: Iterable[Sequence[str]]) -> dict[str, Any]:
    """The form; a name that was sent several times has a list."""
    form: dict[str, Any] = {}
    for name, value in pairs:
        if name not in form:
            form[name] = value
        elif isinstance(form[name], list):
            form[name].append(value)
        else:
            form[name] = [form[name], value]
    return form
