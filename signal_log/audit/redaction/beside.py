"""Masks a person in the tables beside the log: telemetry, recorded sessions, shared views, findings.

None of them is sealed, so a row is simply changed; nobody needs to know what it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson
from django.db import transaction
from django.db.models import Model, QuerySet

from signal_log.audit.redaction.erase import masked_path, masked_query
from signal_log.audit.redaction.whom import Whom
from signal_log.conf import conf
from signal_log.event import MASK
from signal_log.models import (
    AlertState,
    DeadLetter,
    DebugSession,
    PastWrite,
    ReceiverCall,
    SessionTrace,
    SharedView,
    SignalTrace,
    Verification,
)
from signal_log.store.read import events

ROWS_AT_ONCE: Final = 500
_EMPTY: Final = "{}"

Row = dict[str, Any]


class Table(NamedTuple):
    """One table: what its rows are called, their columns that may name somebody, and what they are to be."""

    noun: str
    model: type[Model]
    columns: tuple[str, ...]
    masked: Callable[[Row, Whom], Mapping[str, Any]]


def mask(whom: Whom, *, dry_run: bool = False) -> Counter[str]:
    """Mask them in every table; how many rows of each."""
    found: Counter[str] = Counter()
    for table in TABLES:
        for rows in _pages(table):
            changed = {row["pk"]: new for row in rows if (new := _changes(row, table, whom))}
            found[table.noun] += len(changed)
            if not dry_run and changed:
                with transaction.atomic(using=conf.DATABASE):
                    for pk, new in changed.items():
                        _all(table).filter(pk=pk).update(**_free(table, pk, new))
    return +found


def _all(table: Table) -> QuerySet[Any]:
    manager: Any = table.model._default_manager
    found: QuerySet[Any] = manager.using(conf.DATABASE)
    return found


def _pages(table: Table) -> Iterator[list[Row]]:
    after = 0
    while True:
        page = _all(table).filter(pk__gt=after).order_by("pk").values("pk", *table.columns)[:ROWS_AT_ONCE]
        rows = list(page)
        if not rows:
            return
        yield rows
        after = rows[-1]["pk"]


def _changes(row: Row, table: Table, whom: Whom) -> Mapping[str, Any]:
    new = table.masked(row, whom)
    return {name: _cut(table, name, value) for name, value in new.items() if value != row[name]}


def _cut(table: Table, name: str, value: Any) -> Any:
    most = getattr(table.model._meta.get_field(name), "max_length", None)
    return value[:most] if most and isinstance(value, str) else value


def _free(table: Table, pk: Any, new: Mapping[str, Any]) -> Mapping[str, Any]:
    """The new values, with another name if some row has this one already."""
    if "name" not in new or table.model not in (DebugSession, SharedView):  # whose names are unique
        return new
    name, number = new["name"], 1
    while _all(table).filter(name=name).exclude(pk=pk).exists():
        number += 1
        name = f"{new['name'][:50]} {number}"
    return {**new, "name": name}


def _is_actor(key: str, whom: Whom) -> bool:
    return bool(key) and any(one.is_account and one.key == key for one in whom.things)


def _actor(row: Row, whom: Whom, pk: str, text: str) -> dict[str, str]:
    """Who did it; another account of the same name stays."""
    if _is_actor(row[pk], whom):
        return {pk: "", text: MASK}
    keep = row[pk] and whom.names.is_one(row[text])
    return {} if keep else {text: whom.names.masked(row[text])}


def _of_trace(row: Row, whom: Whom) -> dict[str, Any]:
    return {"name": _trace_name(row["name"], whom), **_actor(row, whom, "actor_pk", "actor_repr")}


def _trace_name(name: str, whom: Whom) -> str:
    method, blank, path = name.partition(" ")
    return f"{method}{blank}{masked_path(path, whom)}" if path.startswith("/") else whom.names.masked(name)


def _of_call(row: Row, whom: Whom) -> dict[str, Any]:
    return {"error": whom.names.masked(row["error"])}


def _of_session(row: Row, whom: Whom) -> dict[str, Any]:
    names = whom.names
    target = MASK if _is_actor(row["target"], whom) else names.masked(row["target"])
    texts = {name: names.masked(row[name]) for name in ("name", "why_ended", "imported_from")}
    return {**texts, "target": target, **_actor(row, whom, "started_by_pk", "started_by_repr")}


def _of_caught(row: Row, whom: Whom) -> dict[str, Any]:
    """A trace of theirs keeps its outline only; in another's they are masked."""
    new = {"name": _trace_name(row["name"], whom), "actor_repr": whom.names.masked(row["actor_repr"])}
    is_theirs = events().filter(whom.rows, trace_id=row["trace_id"]).exists()
    if is_theirs:
        return {**new, "data": _EMPTY, "bytes": len(_EMPTY)}
    try:
        data = orjson.loads(row["data"] or _EMPTY)
    except orjson.JSONDecodeError:
        return {**new, "data": _EMPTY, "bytes": len(_EMPTY)}
    shown = _without_keys(whom.names.masked_value(data), whom)
    if shown == data:
        return new
    text = orjson.dumps(shown).decode()
    return {**new, "data": text, "bytes": len(text.encode())}


def _without_keys(value: Any, whom: Whom) -> Any:
    """Events within JSON, as a session that was imported has them, without the keys of theirs."""
    if isinstance(value, list):
        return [_without_keys(one, whom) for one in value]
    if not isinstance(value, dict):
        return value
    shown = {name: _without_keys(one, whom) for name, one in value.items()}
    for one in whom.things:
        if one.is_account and shown.get("actor_pk") == one.key:
            shown |= {"actor_pk": "", "actor_repr": MASK}
        if shown.get("sender") in one.family and shown.get("object_pk") == one.key:
            shown |= {"object_pk": "", "object_repr": MASK, "changes": {}}
        fields = one.pointing.get(str(shown.get("sender")), frozenset())
        if isinstance(changes := shown.get("changes"), dict):
            for name in fields & changes.keys():
                changes[name] = [MASK if str(side) == one.key else side for side in changes[name]]
    return shown


def _of_view(row: Row, whom: Whom) -> dict[str, Any]:
    shown = {"name": whom.names.masked(row["name"]), "query": masked_query(row["query"], whom)}
    return {**shown, **_actor(row, whom, "shared_by_pk", "shared_by_repr")}


def _of_verification(row: Row, whom: Whom) -> dict[str, Any]:
    texts = {name: whom.names.masked(row[name]) for name in ("by", "looked_at")}
    return {**texts, "findings": whom.names.masked_value(row["findings"])}


def _of_past_write(row: Row, whom: Whom) -> dict[str, Any]:
    """What a trigger saw and has not become an event yet."""
    return {name: whom.names.masked(row[name]) for name in ("old", "new", "program")}


def _of_alert(row: Row, whom: Whom) -> dict[str, Any]:
    return {"state": whom.names.masked_value(row["state"])}


def _of_letter(row: Row, whom: Whom) -> dict[str, Any]:
    """Of an event of theirs without what the receiver said of it, which may quote anything."""
    ours, _, theirs = row["reason"].partition("\n")
    is_theirs = bool(theirs) and events().filter(whom.rows, pk=row["event"]).exists()
    return {"reason": ours if is_theirs else whom.names.masked(row["reason"])}


TABLES: Final = (
    Table("trace", SignalTrace, ("name", "actor_pk", "actor_repr"), _of_trace),
    Table("receiver's error", ReceiverCall, ("error",), _of_call),
    Table("recorded trace", SessionTrace, ("trace_id", "name", "actor_repr", "data", "bytes"), _of_caught),
    Table(
        "recorded session",
        DebugSession,
        ("name", "target", "started_by_pk", "started_by_repr", "why_ended", "imported_from"),
        _of_session,
    ),
    Table("shared view", SharedView, ("name", "query", "shared_by_pk", "shared_by_repr"), _of_view),
    Table("verification", Verification, ("by", "looked_at", "findings"), _of_verification),
    Table("write past Django", PastWrite, ("old", "new", "program"), _of_past_write),
    Table("dead letter", DeadLetter, ("event", "reason"), _of_letter),
    Table("alert", AlertState, ("state",), _of_alert),
)  # fmt: skip
