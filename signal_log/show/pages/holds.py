"""``/holds/``: the legal holds in force; who may, holds an object or an account, and releases it again."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect

from signal_log.audit import hold
from signal_log.audit.holds_in_force import Hold, in_force
from signal_log.audit.thing import thing
from signal_log.errors import RedactionError
from signal_log.permission import HOLD, may, needed
from signal_log.show.access import for_observers
from signal_log.show.links import actor_url, event_url, object_url, url
from signal_log.show.methods import READING, only
from signal_log.show.unprinted import unprinted
from signal_log.show.words.moments import iso, zone
from signal_log.show.words.text import visible


@csrf_protect
@only(*READING, "POST")
@for_observers
def holds_page(request: HttpRequest) -> HttpResponse:
    """The list, with a form; a POST holds what it names or, with ``release``, releases it."""
    given = {name: _given(request, name) for name in ("label", "pk", "actor", "reason")}
    problem = ""
    if request.method == "POST":
        if not may(request.user, HOLD):
            raise PermissionDenied(needed(HOLD))
        try:
            return HttpResponseRedirect(_changed(given, release="release" in request.POST))
        except RedactionError as error:
            problem = str(error)
    context = {
        "holds": unprinted(map(Row, in_force())),
        "given": given,
        "problem": visible(problem),
        "may_hold": may(request.user, HOLD),
        "zone": zone(),
    }
    return render(request, "signal_log/holds.html", context, status=400 if problem else 200)


def _given(request: HttpRequest, name: str) -> str:
    sent = request.POST if request.method == "POST" else request.GET
    return sent.get(name, "").replace("\x00", "␀").strip()


def _changed(given: dict[str, str], *, release: bool) -> str:
    """Hold or release, and where that is shown."""
    label, pk, actor = given["label"], given["pk"], given["actor"]
    if bool(actor) == bool(label) or bool(label) != bool(pk):
        raise RedactionError("Say what is meant: a model and a key, or the key of an account.")
    whom: dict[str, Any] = {"actor": actor} if actor else {"thing": thing(label, pk)}
    if release:
        hold.release(given["reason"], **whom)
    else:
        hold.hold(given["reason"], **whom)
    return url("holds")


class Row:
    """One hold in the list."""

    def __init__(self, held: Hold) -> None:
        self.held = held
        self.words = visible(str(held))
        self.reason = visible(held.reason)
        self.by = visible(held.held_by_repr) or "nobody known"
        self.iso = iso(held.held_at)
        self.url = object_url(held.sender, held.object_pk) if held.sender else actor_url(held.actor_pk)
        if not held.is_readable:
            self.url = event_url(held.pk)
