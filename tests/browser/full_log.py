"""Fills a site's log so that each page has something to show; runs in a process of the site's, after its set-up."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client, override_settings

import signal_log
from signal_log.audit.hold import hold
from signal_log.audit.thing import thing
from signal_log.models import SignalEvent, SignalTrace
from signal_log.show.pages.shared import share
from signal_log.telemetry import keeper, recorded
from tests.browser.live_site import OBSERVER

HOSTILE = "<script>window.broken=1</script><img src=x onerror=window.broken=1>\u202egnp.exe"
HEADLINES = (
    "one accurate measurement is worth a thousand opinions",
    "one accurate measurement is worth ten thousand opinions",
    "the engine weaves algebraic patterns just as the loom weaves flowers and leaves",
)
SESSIONS = ("before the upgrade", "after the upgrade")
SHARED = (("Failed saves", "q=outcome%3Afailed"), ("Staff", "q=field%3Ais_staff"))


def fill(facts: str, name: str = HOSTILE) -> None:
    """Have people do what fills the pages, one of them of this name; write what the addresses need to a file."""
    mira = User.objects.get(username=OBSERVER)
    User.objects.filter(pk=mira.pk).update(is_staff=True, is_superuser=True)  # a write past the signals
    mira.refresh_from_db()
    ada = User.objects.create_user("ada", "ada@example.org", first_name=name)
    ada.first_name = "Ada"
    ada.save()
    with suppress(RuntimeError), transaction.atomic():
        ada.last_name = "undone"
        ada.save()
        raise RuntimeError("stop")
    with suppress(IntegrityError), transaction.atomic():
        User.objects.create_user("ada")
    ada.groups.create(name="analysts")
    for number, session in enumerate(SESSIONS):
        _record(session, ada, HEADLINES[number:])
    with signal_log.context(actor=ada):
        User.objects.create_user("charles").delete()
    for view in SHARED:
        share(mira, *view)
    hold("an enquiry of the regulator", thing=thing("auth.User", str(mira.pk)))
    with suppress(SystemExit):
        call_command("signal_seal", verbosity=0)
    keeper.write_kept()
    Path(facts).write_text(json.dumps(_facts(ada)))


def _record(name: str, actor: User, headlines: tuple[str, ...]) -> None:
    """Record a debugging session of somebody who changes a profile."""
    session = recorded.start(name, "client", by=actor)
    browser = Client(headers={"X-Signal-Session": recorded.token(session)})
    browser.force_login(actor)
    with override_settings(ALLOWED_HOSTS=["*"]):
        for headline in headlines:
            browser.post("/accounts/profile/", {"first_name": "Ada", "email": actor.email, "headline": headline})
    recorded.stop(session)


def _facts(ada: User) -> dict[str, object]:
    about = SignalEvent.objects.filter(sender="users.Profile", signal="post_save", actor_pk=str(ada.pk))
    event = about.latest("pk")
    first, second = SignalTrace.objects.filter(name="POST /accounts/profile/").order_by("pk")[:2]
    gone = SignalEvent.objects.filter(signal="post_delete", sender="auth.User").latest("pk")
    before, after = (recorded.all_sessions().get(name=name) for name in SESSIONS)
    caught = recorded.caught(after).first()
    assert caught
    return {
        "event": event.pk, "trace": str(event.trace_id), "first": str(first.trace_id), "second": str(second.trace_id),
        "ada": ada.pk, "gone": gone.object_pk, "before": before.pk, "after": after.pk, "caught": str(caught.trace_id),
    }  # fmt: skip
