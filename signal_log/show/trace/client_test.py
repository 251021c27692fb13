"""Writes a pytest test that sends the request of a recorded session again, by Django's test client.

The form is the session's; values that were masked are replaced by one constant that passes the usual validators. Rows
that the request changed, and who sent it, are set up through the ORM, from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth import get_user_model

from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.show.cascade.operation import cascade_of
from signal_log.show.cascade.shape import shape
from signal_log.show.trace.as_test import changes
from signal_log.show.trace.rows_for_test import Rows
from signal_log.show.trace.written_test import INDENT, written_test
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
    body = [
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
    secret = rows.has_secrets or MASK in form.values()
    return written_test(begun, one_line(status, 40), body, rows.imports, "client, signal_log", secret)


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
