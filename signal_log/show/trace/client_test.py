"""Writes a pytest test that sends the request of a recorded session again, by Django's test client.

The form and the query are the session's; values that were masked are replaced by one constant that passes the usual
validators. What a session does not keep (other bodies, the content of files) is left to whoever has the test, and said.
Rows that the request changed, and who sent it, are set up through the ORM, from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from django.apps import apps
from django.conf import settings

from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.show.cascade.operation import cascade_of
from signal_log.show.cascade.shape import shape
from signal_log.show.trace.as_test import MOST_OPERATIONS, changes
from signal_log.show.trace.rows_for_test import Rows
from signal_log.show.trace.written_test import INDENT, tree_asserted, written_test
from signal_log.show.words.text import one_line

_METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})
_FORMS: Final = ("multipart/form-data", "application/x-www-form-urlencoded")
SERVER_ERROR: Final = 500
_UPLOAD: Final = "from django.core.files.uploadedfile import SimpleUploadedFile"


def as_client_test(events: Sequence[SignalEvent], asked: Mapping[str, Any], status: str) -> str:
    """The test as text; ``asked`` is what the session kept of the request."""
    whole, rows = cascade_of(events), Rows(events)
    form, query = _as_dict(asked.get("form") or ()), _as_dict(asked.get("query") or ())
    method, path = str(asked["method"]).lower(), one_line(str(asked["path"]), 500)
    changed = (one for one in whole.roots if one.verb in ("updated", "deleted") and rows.knows(one.last.sender))
    for operation in islice(changed, MOST_OPERATIONS):
        rows.name_of(operation.last.sender, operation.last.object_pk)
    actor = events[0].actor_pk
    logged_in: list[str] = []
    if actor and rows.knows(settings.AUTH_USER_MODEL):
        label = apps.get_model(settings.AUTH_USER_MODEL)._meta.label
        logged_in = _logged_in(rows.name_of(label, actor), has_password=_has_secret(form))
    sent = list(_sent(method if method in _METHODS else "post", path, form, query, asked))
    if asked.get("files"):
        rows.imports.add(_UPLOAD)
    body = [
        *rows.remarks(),
        *rows.setup,
        *logged_in,
        *(["client.raise_request_exception = False  # it is answered, as by a server"] if _is_error(status) else []),
        "",
        "with signal_log.capture() as seen:",
        *(INDENT + text for text in sent),
        "",
        *([f"assert response.status_code == {int(status)}"] if status.isascii() and status.isdigit() else []),
        *tree_asserted(shape(whole)),
        *changes(whole.roots),
    ]
    secret = rows.has_secrets or _has_secret(form) or _has_secret(query)
    begun = one_line(f"{method.upper()} {path}", 120)
    return written_test(begun, one_line(status, 40), body, rows.imports, "client, signal_log", secret)


def _sent(
    method: str, path: str, form: Mapping[str, Any], query: Mapping[str, Any], asked: Mapping[str, Any]
) -> Iterator[str]:
    """The lines of the call."""
    kind = str(asked.get("content_type") or "")
    files = [str(name) for name in asked.get("files") or ()]
    data = [f"{name!r}: {_value(value)}," for name, value in form.items()]
    data += [f"{name!r}: SimpleUploadedFile('upload', b'content')," for name in files]
    asked_for = ", ".join(f"{name!r}: {_value(value)}" for name, value in query.items())
    given = [f"query_params={{{asked_for}}}"] if query else []
    if files:
        yield "# a session keeps no files: put the content of each here"
    if method in ("post", "put", "patch") and kind and kind not in _FORMS and not data:
        yield "# a session keeps no body but a form: put what was sent here"
        given += ["data=''", f"content_type={kind!r}"]
    elif method in ("put", "patch") and kind in _FORMS and not data:
        yield "# a session keeps no form but one that Django reads: put what was sent here"
        given += ["data=''", f"content_type={kind!r}"]
    call = f"response = client.{method}({path!r}"
    if data:
        yield from (f"{call}, {{", *(INDENT + one for one in data), "".join(("}", *(f", {one}" for one in given), ")")))
    else:
        yield "".join((call, *(f", {one}" for one in given), ")"))


def _is_error(status: str) -> bool:
    return status.isascii() and status.isdigit() and int(status) >= SERVER_ERROR


def _value(value: str | list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return "SECRET" if value == MASK else repr(value)


def _has_secret(form: Mapping[str, Any]) -> bool:
    return any(value == MASK or (isinstance(value, list) and MASK in value) for value in form.values())


def _logged_in(name: str, *, has_password: bool) -> list[str]:
    password = [f"{name}.set_password(SECRET)", f"{name}.save()"] if has_password else []
    return [*password, f"client.force_login({name})"]


def _as_dict(pairs: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """Names with their values; one that was sent several times has a list."""
    form: dict[str, Any] = {}
    for name, value in ((str(name), str(value)) for name, value in pairs):
        if name not in form:
            form[name] = value
        elif isinstance(form[name], list):
            form[name].append(value)
        else:
            form[name] = [form[name], value]
    return form
