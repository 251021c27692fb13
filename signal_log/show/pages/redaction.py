"""``/redact/``: shows what a redaction would erase, and then does it, for those who may."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import orjson
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect

from signal_log.amounts import counted
from signal_log.audit.redaction.archived import archived_events, folders
from signal_log.audit.redaction.redact import Report, redact, still_exist
from signal_log.audit.redaction.whom import Whom, find
from signal_log.capture.trace.trace import current_trace
from signal_log.conf import conf
from signal_log.errors import ProofError, RedactionError
from signal_log.permission import REDACT, may, needed
from signal_log.show.access import for_observers
from signal_log.show.methods import READING, only
from signal_log.show.words.text import one_line, visible
from signal_log.store.read import events
from signal_log.vendor import vendor_of

MOST_EVENTS: Final = 500_000
"""A larger log takes longer to look through than a request should."""
SHOWN: Final = ("label", "pk", "reason")
STAMP: Final = "signal_log.redaction"
SECONDS_TO_DECIDE: Final = 3600


@csrf_protect
@only(*READING, "POST")
@for_observers
def redact_page(request: HttpRequest) -> HttpResponse:
    """A form; a POST shows what would be done or, with ``erase``, does it."""
    if not may(request.user, REDACT):
        raise PermissionDenied(needed(REDACT))
    _not_in_sessions()
    sent = request.POST if request.method == "POST" else request.GET
    given = {name: sent.get(name, "").replace("\x00", "␀").strip() for name in (*SHOWN, "texts")}
    context: dict[str, Any] = {"given": given, "alone": "alone" in sent, "problem": "", "done": False}
    if request.method == "POST":
        try:
            erase = "erase" in request.POST
            if erase and not _was_shown(request, given, alone=context["alone"]):
                erase, context["changed"] = False, True
            context |= _result(given, alone=context["alone"], erase=erase)
            context["shown"] = _stamp(request, given, alone=context["alone"])
        except (RedactionError, ProofError) as error:
            context["problem"] = visible(str(error))
    return render(request, "signal_log/redact.html", context, status=400 if context["problem"] else 200)


def _stamp(request: HttpRequest, given: dict[str, str], *, alone: bool) -> str:
    """What only this server can write: that it has shown to this account what would be erased."""
    shown = [str(request.user.pk), *(given[name] for name in sorted(given)), alone]
    return signing.dumps(sha256(orjson.dumps(shown)).hexdigest(), salt=STAMP)


def _was_shown(request: HttpRequest, given: dict[str, str], *, alone: bool) -> bool:
    """Whether just this was shown to this account within the hour; a stamp has its time."""
    try:
        shown = signing.loads(request.POST.get("shown", ""), salt=STAMP, max_age=SECONDS_TO_DECIDE)
        return bool(shown == signing.loads(_stamp(request, given, alone=alone), salt=STAMP))
    except signing.BadSignature:
        return False


def _not_in_sessions() -> None:
    """A recorded session keeps a request's form, and this one holds what is to be erased."""
    trace = current_trace.get()
    if trace is not None and trace.gathered.deeper is not None:
        trace.gathered.deeper.asked = dict


def _result(given: dict[str, str], *, alone: bool, erase: bool) -> dict[str, Any]:
    if not given["label"] or not given["pk"]:
        raise RedactionError("Say whom it is about: a model and a key, such as auth.User and 42.")
    if (events().order_by("-pk").values_list("pk", flat=True).first() or 0) > MOST_EVENTS:
        raise RedactionError(
            "This log takes longer to look through than a request should: use manage.py signal_redact on the server."
        )
    there, unreached = folders()
    texts = given["texts"].splitlines()
    whom = find(given["label"], given["pk"], texts, relatives=not alone, archived=lambda: archived_events(there))
    report = redact(whom, given["reason"], dry_run=not erase, archives=there)
    report.unreached += unreached
    return {"lines": lines(whom, report), "examples": examples(report), "done": erase, "clean": _how_to_clean()}


def lines(whom: Whom, report: Report) -> list[str]:
    """What was found, in sentences."""
    told = [
        f"About: {', '.join(map(str, whom.things))}",
        f"Known as: {', '.join(f'“{one_line(text)}”' for text in whom.shown) or 'nothing but their keys'}",
        *unsought(whom),
        f"Erased: {counted(report.erased.count, 'event')}",
        f"Masked: {counted(report.masked.count, 'event')}",
        *(f"Masked: {counted(number, noun)}" for noun, number in report.beside.items()),
    ]
    if report.archived:
        files = counted(report.files, "file")
        told.append(f"In archives: {counted(report.archived.count, 'event')} in {files}: {', '.join(report.archives)}")
    told += [f"Kept: {counted(number, 'event')} by {held}" for held, number in report.held.items()]
    for what, ids in {
        "Kept as evidence, because they are not what was sealed: events": report.tampered,
        "No name was taken from what is not as it was sealed: events": whom.altered,
        "Named in a part that cannot be erased: events": report.named_in_header,
        "Kept, because they tell of redactions and prunes that they did: events": report.maintenance,
    }.items():
        if ids:
            told.append(f"{what} {ids}")
    told += [f"Not reached: {sentence}" for sentence in report.unreached]
    told += [f"{row} still exists: what happens to it is recorded. Delete it first." for row in still_exist(whom)]
    return [visible(line) for line in told]


def unsought(whom: Whom) -> list[str]:
    """The recorded texts that are not looked for, in a sentence if there are any."""
    if not whom.unsought:
        return []
    texts = ", ".join(f"“{one_line(text)}”" for text in whom.unsought)
    return [f"Recorded of them, but not looked for in other events: {texts}. Add what is nobody else's."]


def examples(report: Report) -> list[tuple[int, str, str]]:
    """Masked values, as they will be."""
    return [
        (pk, name, one_line(value if isinstance(value, str) else orjson.dumps(value).decode(), 200))
        for pk, name, value in report.examples
    ]


def _how_to_clean() -> str:
    """What removes the old bytes: a request does not, for it would stop everybody else meanwhile."""
    full = " --full" if vendor_of(connections[conf.DATABASE]) == "postgresql" else ""
    return f"python manage.py signal_redact --clean{full}"
