"""What ``signal_tail`` tells of a log that is there, and a trace to be told."""

from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime

from django.core.management import call_command

from signal_log import clock
from signal_log.models import SignalTrace
from tests.factories import make_event

TRACE = uuid.UUID("0197c2b1-0000-7000-8000-00000000abcd")


def run(*arguments: str, **options) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("signal_tail", "--no-follow", *arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def ended(trace=TRACE, **fields) -> SignalTrace:
    given = {
        "source": "http", "name": "POST /accounts/profile/", "started_at": clock.now(), "duration_us": 31_000,
        "status": "302", "events": 4, "operations": 2, "failed": 0, "silent": 0, "slowest_us": 0,
    }  # fmt: skip
    return SignalTrace.objects.create(trace_id=trace, **(given | fields))


def cascade(trace=TRACE) -> None:
    moment = datetime(2026, 3, 1, 14, 2, 31, 90_000, UTC)
    make_event(trace_id=trace, sender="users.Profile", object_pk="17", changes={"name": ["Ada", "Ada L."]},
               occurred_at=moment, call_site="users/forms.py:83 in save")  # fmt: skip
    make_event(trace_id=trace, position=4, operation=3, parent_position=2, caused_by="users.signals.sync_user",
               changes={"first_name": ["Ada", "Ada L."]}, occurred_at=moment)  # fmt: skip


def signs(out: str) -> list[str]:
    """What each line is: a head's trace, with + if it goes on, or a line without what differs."""
    found = []
    for line in out.splitlines():
        head = line.rpartition(" · trace ")[2]
        found.append(head.replace(" (continued)", "+") if not line.startswith(" ") else " ".join(line.split()))
    return found
