"""Exports for other systems: CloudEvents 1.0 and OCSF 1.6, each line valid by the published specification."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client

from signal_log.event import MASK
from signal_log.models import LogIdentity, SignalEvent
from signal_log.show.export import slots
from signal_log.show.export.answer import FORMATS
from tests.exports import ADDRESS, fetch, varied_log
from tests.factories import make_event

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def exporter(client: Client) -> Client:
    """Someone who may see events and take them away."""
    user = User.objects.create_user("eve")
    user.user_permissions.add(*Permission.objects.filter(codename__in=("view_signalevent", "export_signalevent")))
    client.force_login(user)
    return client


def lines(text: bytes) -> list[dict[str, Any]]:
    """Return the file's objects, after checking that the last says how the file is hashed."""
    found = [json.loads(line) for line in text.split(b"\n")[:-1]]
    last = found[-1]
    about = last.get("data") or last["unmapped"]
    assert about["sha256"] == hashlib.sha256(text[:-68]).hexdigest()
    return found


# -- CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) ---------------


def check_cloudevent(event: dict[str, Any]) -> None:
    """The context attributes: which are required, of what type, and how they may be named."""
    for name in ("id", "source", "specversion", "type"):
        assert isinstance(event[name], str), name
        assert event[name], name
    assert event["specversion"] == "1.0"
    assert urlsplit(event["source"]).scheme
    assert datetime.fromisoformat(event["time"]).tzinfo is not None
    assert event["subject"]
    assert event["datacontenttype"] == "application/json"
    assert all(name.isascii() and name.isalnum() and name == name.lower() for name in event)
    assert set(event) == {"id", "source", "specversion", "type", "time", "subject", "datacontenttype", "data"}


def test_each_line_is_a_cloudevent_that_holds_the_event(exporter: Client) -> None:
    """Source and id name it for ever; the data is what the JSON Lines have; the last line is about the export."""
    numbers = varied_log()
    *events, last = lines(fetch(exporter, "cloudevents"))
    for event in (*events, last):
        check_cloudevent(event)
    exact = {line["id"]: line for line in map(json.loads, fetch(exporter, "jsonl").split(b"\n")[:-1])}
    assert [int(event["id"]) for event in events if int(event["id"]) in numbers] == sorted(numbers)
    for event in events:
        wanted = exact[int(event["id"])]
        assert event["data"] == {name: wanted[name] for name in event["data"]}
    assert {event["source"].replace("-", "") for event in events} == {f"urn:uuid:{LogIdentity.objects.get().value}"}
    assert last["type"] == "signal_log_export_ended"
    assert last["data"]["events"] == len(events)


# -- OCSF 1.6.0 (https://github.com/ocsf/ocsf-schema/tree/1.6.0) ----------------------------------------

BASE = {
    "activity_id", "activity_name", "category_name", "category_uid", "class_name", "class_uid", "message", "metadata",
    "severity", "severity_id", "status", "status_detail", "status_id", "time", "type_name", "type_uid", "unmapped",
}  # fmt: skip
IAM = BASE | {"actor", "http_request", "src_endpoint"}
CLASSES: dict[int, tuple[int, set[str], set[int], set[str]]] = {
    # class: category, its attributes, its activities, what it requires beyond the base event
    0: (0, IAM, {0, 99}, set()),
    3001: (3, IAM | {"user", "user_result"}, {0, *range(1, 13), 99}, {"user"}),
    3004: (3, IAM | {"entity", "entity_result", "comment"}, {0, *range(1, 14), 99}, {"entity"}),
}
REQUIRED = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
OBJECTS: dict[str, tuple[set[str], set[str]]] = {
    # object: its attributes, of which at least one
    "entity": ({"uid", "name", "type", "type_id", "data", "version", "email", "user"}, {"uid", "name", "user"}),
    "user": ({"uid", "name", "email_addr", "full_name", "type_id", "type", "domain"}, {"uid", "name", "account"}),
    "actor": ({"user", "app_name", "app_uid", "process", "session"}, {"user", "app_name", "process", "session"}),
    "src_endpoint": ({"ip", "name", "hostname", "port"}, {"ip", "name", "hostname"}),
    "metadata": (
        {"version", "product", "uid", "log_name", "event_code", "correlation_uid", "original_time", "sequence"},
        {"version"},
    ),
    "product": ({"name", "vendor_name", "version", "uid"}, {"name", "uid"}),
}
METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}


def check_ocsf(event: dict[str, Any]) -> None:
    """What the class requires and allows, its numbers, and its objects."""
    category, allowed, activities, required = CLASSES[event["class_uid"]]
    assert event.keys() >= REQUIRED | required
    assert set(event) <= allowed
    assert event["category_uid"] == category
    assert event["activity_id"] in activities
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["severity_id"] in {0, 1, 2, 3, 4, 5, 6, 99}
    assert event["status_id"] in {0, 1, 2, 99}
    assert type(event["time"]) is int
    assert event["time"] > 10**12
    assert event["metadata"]["version"] == "1.6.0"
    found = {**event, "product": event["metadata"]["product"]}
    found |= {name.removesuffix("_result"): event[name] for name in ("entity_result", "user_result") if name in event}
    found["user"] = found.get("user") or found.get("actor", {}).get("user")
    for name, (attributes, some) in OBJECTS.items():
        if found.get(name):
            assert set(found[name]) <= attributes, name
            assert some & set(found[name]), name
    request = event.get("http_request", {"http_method": "GET"})
    assert request["http_method"] in METHODS
    assert isinstance(event["unmapped"], dict)


def test_each_line_is_an_ocsf_event(exporter: Client) -> None:
    """An operation is one line, in the class of its object; whatever stands in the log, each line is valid."""
    varied_log()
    fields: dict[str, Any] = {"sender": "auth.User", "remote_addr": "192.0.2.7", "method": "POST", "path": "/a/"}
    nobody = dict.fromkeys(("object_pk", "object_repr", "actor_pk", "actor_repr"), "")
    tried = {"credentials": [None, {"username": "guido", "password": MASK}]}
    wanted = {
        make_event(**fields, created=True, changes={"username": [None, "ada"]}).pk: 300101,
        make_event(**fields, changes={"password": [MASK, MASK]}).pk: 300103,
        make_event(**fields, changes={"is_active": [True, False]}, outcome="rolled_back", error="boom").pk: 300105,
        make_event(**fields, changes={"is_active": [False, True]}).pk: 300102,
        make_event(**fields, signal="post_delete", changes={"email": ["a@example.org", None]}).pk: 300106,
        make_event(sender="shop.Item", created=True, changes={"name": [None, "saw"]}).pk: 300401,
        make_event(sender="shop.Item", signal="silent_update", object_pk="", object_repr="3 rows").pk: 300403,
        make_event(sender="shop.Item", signal="pre_delete", outcome="failed", error="refused").pk: 300404,
        make_event(sender="shop.Item", signal="accessed", changes={}).pk: 300402,
        make_event(**nobody, sender="", signal="django.contrib.auth.signals.user_logged_in").pk: 99,
        make_event(**nobody, signal="django.contrib.auth.signals.user_login_failed", changes=tried).pk: 99,
        make_event(**nobody, sender="shop.Item").pk: 300403,
    }
    skipped = make_event(sender="shop.Item", signal="pre_save", changes={"name": ["a", "b"]}).pk
    *events, last = lines(fetch(exporter, "ocsf"))
    for event in (*events, last):
        check_ocsf(event)
    by_number = {event["metadata"]["sequence"]: event for event in events}
    assert {number: by_number[number]["type_uid"] for number in wanted} == wanted
    assert skipped not in by_number
    assert last["unmapped"]["events"] == SignalEvent.objects.exclude(signal="signal_log.exported").count()
    told = [by_number[number] for number in wanted]
    assert (told[2]["status_id"], told[2]["status_detail"]) == (2, "boom")
    assert told[4]["user"] == {"uid": "1", "name": "ada", "email_addr": "a@example.org"}
    assert "user_result" not in told[4]
    made = told[5]
    assert made["entity_result"] == {"uid": "1", "name": "ada", "type": "shop.Item", "data": {"name": "saw"}}
    assert made["unmapped"]["digest"]
    assert (told[10]["message"], told[10]["status"]) == ("log-in failed as guido", "Failure")


# -- at most so many at once ---------------------------------------------------------------------------


def test_more_exports_than_run_at_once_are_refused(exporter: Client, tmp_path: Path) -> None:
    """With a time to come back at over HTTP, in one sentence by the command; places are given back."""
    held = [slots.take() for _ in range(slots.MOST_AT_ONCE)]
    refused = exporter.get(ADDRESS, {"format": "ocsf"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    assert b"exports are under way" in refused.content
    with pytest.raises(CommandError, match="exports are under way"):
        call_command("signal_export", output=str(tmp_path / "x.jsonl"), verbosity=0)
    assert not SignalEvent.objects.filter(signal="signal_log.exported").exists()
    for slot in held:
        slot.release()
        slot.release()
    for kind in FORMATS:
        fetch(exporter, kind)
        for unread in (exporter.get(ADDRESS, {"format": kind}), exporter.head(ADDRESS, {"format": kind})):
            for close in unread._resource_closers:
                close()
    assert slots._taken == {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x.csv", "csv"),
        ("x.ocsf", "ocsf"),
        ("x.cloudevents.jsonl", "cloudevents"),
        ("x.y.jsonl", "jsonl"),
        ("x", "jsonl"),
    ],
)
def test_the_command_takes_the_format_from_the_name(name: str, kind: str, tmp_path: Path) -> None:
    """A suffix, or the one before .jsonl; otherwise JSON Lines."""
    make_event()
    call_command("signal_export", output=str(tmp_path / name), verbosity=0)
    first = (tmp_path / name).read_bytes().split(b"\n")[0]
    assert {"csv": b"\xef\xbb\xbf", "ocsf": b"category_uid", "cloudevents": b"specversion", "jsonl": b'"export"'}[
        kind
    ] in first
