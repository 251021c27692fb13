"""Exports in the Open Cybersecurity Schema Framework (OCSF) 1.6, one JSON object a line: what SIEM systems take.

Operations on accounts are *Account Change* (3001), on all other objects *Entity Management* (3004), and signals about
no row, such as a login, *Base Event* (0). One operation is one line: a pre signal has none, unless it failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast

from django.conf import settings

from signal_log.event import ACCESSED, COMMITTED, FAILED, M2M_CHANGED, MASK, Event
from signal_log.rows import labels_of_row
from signal_log.show.export.lines import Lines
from signal_log.show.words import kinds

VERSION: Final = "1.6.0"
PRODUCT: Final = {"name": "signal_log", "vendor_name": "signal_log"}
SEVERITY: Final = {"severity_id": 1, "severity": "Informational"}
METHODS: Final = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
_OTHER: Final = 99
_ELSEWHERE: Final = frozenset({
    "id", "signal", "sender", "object_pk", "object_repr", "occurred_at", "trace_id", "error", "actor_pk", "actor_repr",
    "remote_addr", "method", "path",
})  # fmt: skip
"""The columns that have a place in the schema; the others, and the digest with its salts, are in ``unmapped``."""


class Kind(NamedTuple):
    """A class of the schema."""

    uid: int
    name: str
    category: int
    category_name: str


ACCOUNT: Final = Kind(3001, "Account Change", 3, "Identity & Access Management")
ENTITY: Final = Kind(3004, "Entity Management", 3, "Identity & Access Management")
BASE: Final = Kind(0, "Base Event", 0, "Uncategorized")

ENTITY_ACTIVITIES: Final = {
    "created": (1, "Create"),
    "read": (2, "Read"),
    "updated": (3, "Update"),
    "deleted": (4, "Delete"),
}
ACCOUNT_ACTIVITIES: Final = {
    "created": (1, "Create"), "enabled": (2, "Enable"), "password": (3, "Password Change"), "disabled": (5, "Disable"),
    "deleted": (6, "Delete"), "updated": (_OTHER, "Update"), "read": (_OTHER, "Read"),
}  # fmt: skip


class Ocsf(Lines):
    """Writes one file."""

    suffix = "ocsf.jsonl"

    def line(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The event in its class; None for the first half of an operation that has a second."""
        if event["signal"] in kinds.PRE and event["outcome"] != FAILED and not _is_by_hand(event):
            return None
        verb = _verb(event)
        if not verb:
            return self._event(BASE, (_OTHER, "Other"), event) | _signalled(event)
        if event["sender"] in labels_of_row(settings.AUTH_USER_MODEL):
            return self._event(ACCOUNT, ACCOUNT_ACTIVITIES[_account_verb(verb, event["changes"])], event) | _user(event)
        return self._event(ENTITY, ENTITY_ACTIVITIES[verb], event) | _entity(event)

    def last(self, export: Mapping[str, Any]) -> dict[str, Any]:
        """A base event about the export."""
        return {
            **_class(BASE, (_OTHER, "Other")),
            "time": _milliseconds(export["at"]),
            **SEVERITY,
            "status_id": 1,
            "status": "Success",
            "message": "The export ended.",
            "metadata": {"version": VERSION, "product": PRODUCT, "event_code": "signal_log_export_ended"},
            "unmapped": export,
        }

    def _event(self, kind: Kind, activity: tuple[int, str], event: Mapping[str, Any]) -> dict[str, Any]:
        is_done = event["outcome"] == COMMITTED
        told: dict[str, Any] = {
            **_class(kind, activity),
            "time": _milliseconds(event["occurred_at"]),
            **SEVERITY,
            "status_id": 1 if is_done else 2,
            "status": "Success" if is_done else "Failure",
            "message": " ".join(filter(None, (event["signal"], event["sender"], event["object_repr"]))),
            "metadata": {
                "version": VERSION,
                "product": PRODUCT,
                "uid": f"{self.log}/{event['id']}",
                "log_name": self.log or "signal_log",
                "event_code": event["signal"],
                "correlation_uid": event["trace_id"],
                "original_time": event["occurred_at"],
                "sequence": event["id"],
            },
            "actor": _actor(event),
            "unmapped": _unmapped(event),
        }
        if not is_done:
            told["status_detail"] = event["error"] or event["outcome"]
        if event["remote_addr"]:
            told["src_endpoint"] = {"ip": event["remote_addr"]}
        if event["method"] in METHODS and event["path"]:
            told["http_request"] = {"http_method": event["method"], "url": {"path": event["path"]}}
        return told


def _signalled(event: Mapping[str, Any]) -> dict[str, Any]:
    """In words who logged in or out; what was tried in vain, such as a log-in, is a failure."""
    read = cast("Event", SimpleNamespace(**event))
    who = kinds.account(read)
    told: dict[str, Any] = {"message": f"{kinds.spoken(event['signal'])} as {who}"} if who else {}
    if event["outcome"] == COMMITTED and kinds.is_refusal(read):
        told |= {"status_id": 2, "status": "Failure", "status_detail": kinds.spoken(event["signal"])}
    return told


def _unmapped(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in _ELSEWHERE and value not in (None, "")}


def _class(kind: Kind, activity: tuple[int, str]) -> dict[str, Any]:
    number, name = activity
    return {
        "category_uid": kind.category,
        "category_name": kind.category_name,
        "class_uid": kind.uid,
        "class_name": kind.name,
        "activity_id": number,
        "activity_name": name,
        "type_uid": kind.uid * 100 + number,
        "type_name": f"{kind.name}: {name}",
    }


def _verb(event: Mapping[str, Any]) -> str:
    """What was done to a row; empty if the signal is about none."""
    signal = event["signal"]
    if signal == ACCESSED:
        return "read"
    if _is_by_hand(event):
        return ""
    if signal in ("post_delete", "pre_delete", "silent_delete"):
        return "deleted"
    if signal == "silent_insert" or event["created"]:
        return "created"
    return "updated" if signal in ("pre_save", "post_save", "silent_update", M2M_CHANGED) else ""


def _is_by_hand(event: Mapping[str, Any]) -> bool:
    return isinstance(event["origin"], Mapping) and event["origin"].get("sent_by_hand") is True


def _account_verb(verb: str, changes: Mapping[str, Any]) -> str:
    if verb != "updated":
        return verb
    is_active = changes.get("is_active")
    if isinstance(is_active, list) and is_active[-1:] in ([True], [False]):
        return "enabled" if is_active[-1] else "disabled"
    return "password" if "password" in changes else "updated"


def _user(event: Mapping[str, Any]) -> dict[str, Any]:
    """The account; as it is afterwards too, unless it is gone."""
    user = _named(event)
    mail = event["changes"].get("email")
    before, after = _side(mail, 0), _side(mail, 1)
    told: dict[str, Any] = {"user": user | ({"email_addr": before} if before else {})}
    if event["signal"] not in ("post_delete", "pre_delete", "silent_delete"):
        told["user_result"] = user | ({"email_addr": after} if after else {})
    return told


def _entity(event: Mapping[str, Any]) -> dict[str, Any]:
    """The object with its old values, and with its new ones."""
    old, new = ({name: values[side] for name, values in _pairs(event["changes"])} for side in (0, 1))
    entity = _named(event) | {"type": event["sender"]}
    told: dict[str, Any] = {"entity": entity | ({"data": old} if old and not event["created"] else {})}
    if event["signal"] not in ("post_delete", "pre_delete", "silent_delete", ACCESSED):
        told["entity_result"] = entity | ({"data": new} if new else {})
    return told


def _named(event: Mapping[str, Any]) -> dict[str, str]:
    """What identifies the object: its key and its text, as far as it has them."""
    told = {"uid": event["object_pk"], "name": event["object_repr"]}
    return {name: text for name, text in told.items() if text} or {"name": event["sender"] or "unknown"}


def _actor(event: Mapping[str, Any]) -> dict[str, Any]:
    """Who did it, and with what program."""
    user = {"uid": event["actor_pk"], "name": event["actor_repr"]}
    known = {name: text for name, text in user.items() if text}
    return {"app_name": event["source"] or "unknown"} | ({"user": known} if known else {})


def _pairs(changes: Any) -> Iterator[tuple[str, list[Any]]]:
    for name, pair in changes.items() if isinstance(changes, Mapping) else ():
        if isinstance(pair, list) and len(pair) == 2:
            yield name, pair


def _side(pair: Any, at: int) -> str:
    value = pair[at] if isinstance(pair, list) and len(pair) == 2 else None
    return value if isinstance(value, str) and value != MASK else ""


def _milliseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
