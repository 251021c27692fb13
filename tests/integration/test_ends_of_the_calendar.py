"""Times in the first and the last year, of which some zones have no date, are refused wherever one can be given."""

from __future__ import annotations

import argparse

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from signal_log.errors import FilterError
from signal_log.seal.verify.__main__ import moment
from signal_log.show.links import object_url
from signal_log.show.words.moments import parse_moment
from tests.factories import make_event

pytestmark = pytest.mark.django_db

FAR = ("0001-01-01T00:00:00Z", "0001-01-01", "9999-12-31T23:59:59.999999Z", "9999-12-31 23:59")


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_every_page_and_command_refuses_it(zone, admin_client, settings):
    """With a sentence, and with 400 or the status of a bad argument; the admin's list shows its own error."""
    settings.TIME_ZONE = zone
    event = make_event()
    page = object_url(event.sender, event.object_pk)
    with timezone.override(zone):
        for text in FAR:
            with pytest.raises(FilterError):
                parse_moment("at", text)
            pages = {
                page: ("at", "from"),
                "/events/": ("since", "until"),
                "/traces/": ("since", "until"),
            }
            for path, names in pages.items():
                for name in names:
                    more = {"to": "2026-01-01"} if name == "from" else {}
                    answer = admin_client.get(path, {name: text, **more})
                    assert answer.status_code == 400, (path, name, text)
                    assert "must be a date or a time" in answer.content.decode()
            for name in ("occurred_at__gte", "occurred_at__lt") if text.endswith("Z") else ():
                answer = admin_client.get("/admin/signal_log/signalevent/", {name: text})
                assert answer.status_code < 500, (name, text)
            for command, option in (("signal_export", "since"), ("signal_export", "until"), ("signal_prune", "before")):
                with pytest.raises(CommandError) as refused:
                    call_command(command, **{option: text})
                assert refused.value.returncode == 2
    with pytest.raises(FilterError):
        parse_moment("since", "999999w")


def test_an_age_before_the_calendar_is_no_age():
    """A traceback would end with the status of a proof that shows nothing."""
    with pytest.raises(argparse.ArgumentTypeError):
        moment("999999d")
