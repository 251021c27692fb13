"""``/relays/``: how each relay stands and how far it is, and its dead letters, which who may has sent again."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect

from signal_log.amounts import counted
from signal_log.audit.own_events import EXPORTED, tell
from signal_log.models import DeadLetter
from signal_log.permission import EXPORT, may, needed
from signal_log.relay import letters
from signal_log.relay.state import Standing, behind, standings
from signal_log.show.access import for_observers
from signal_log.show.formats import format_of, formats
from signal_log.show.links import event_url, url
from signal_log.show.methods import READING, only
from signal_log.show.unprinted import unprinted
from signal_log.show.words.moments import iso, zone
from signal_log.show.words.sealing import spoken
from signal_log.show.words.text import one_line, visible
from signal_log.store.span import LARGEST_ID

MOST: Final = 100
"""How many dead letters are shown; the admin has all."""
STYLES: Final = {
    "running": "created", "retrying": "undone", "stopped": "failed", "wrong": "failed", "new": "silent",
    "removed": "silent",
}  # fmt: skip
WORDS: Final = {"new": "never run"}


@csrf_protect
@only(*READING, "POST")
@for_observers
@formats("json")
def relays_page(request: HttpRequest) -> HttpResponse:
    """The page, or the same as values (``?format=json``); a POST has dead letters of a relay sent again."""
    if request.method == "POST":
        if not may(request.user, EXPORT):
            raise PermissionDenied(needed(EXPORT))
        missing = _send_again(request.POST.get("relay", ""), request.POST.get("letter", ""))
        return _page(request, standings(), missing, 404) if missing else HttpResponseRedirect(url("relays"))
    found = standings()
    if format_of(request) == "json":
        return JsonResponse({"relays": [_as_json(one) for one in found]})
    return _page(request, found)


def _page(request: HttpRequest, found: list[Standing], problem: str = "", status: int = 200) -> HttpResponse:
    """The page; ``problem`` is what was wrong with the request."""
    dead = list(DeadLetter.objects.all()[: MOST + 1])
    context = {
        "relays": unprinted(map(Row, found)),
        "letters": unprinted(map(Letter, dead[:MOST])),
        "more": len(dead) > MOST,
        "may_send": may(request.user, EXPORT),
        "needed": needed(EXPORT),
        "json_url": url("relays", format="json"),
        "problem": problem,
        "zone": zone(),
    }
    return render(request, "signal_log/relays.html", context, status=status)


def replay(asked: Any) -> int:
    """Have dead letters sent again, and the log say who has asked for it; returns how many there are."""
    chosen = asked.filter(wanted_at__isnull=True)
    _tell_of_letters("send again", chosen)
    return letters.send_again(chosen)


def give_up(given: Any) -> None:
    """Remove dead letters, whose events then are never sent, and have the log say who did."""
    _tell_of_letters("give up", given)
    given.delete()


def _tell_of_letters(action: str, chosen: Any) -> None:
    by_relay: dict[str, list[int]] = {}
    for relay, event in chosen.order_by("event").values_list("relay", "event"):
        by_relay.setdefault(relay, []).append(event)
    for relay, ids in by_relay.items():
        tell(EXPORTED, relay=relay, action=action, dead_letters=len(ids), first=ids[0], last=ids[-1])


def _send_again(relay: str, letter: str) -> str:
    """Have one dead letter of a relay sent again, or all; the sentence if there is none such."""
    asked = letters.of_relay(relay) if "\0" not in relay else DeadLetter.objects.none()
    of = f"of a relay {one_line(relay, 100)!r}: nothing is sent again. It may have been sent or removed meanwhile."
    if letter:
        is_number = letter.isascii() and letter.isdigit() and len(letter) <= 19 and int(letter) <= LARGEST_ID
        asked = asked.filter(pk=int(letter)) if is_number else asked.none()
        missing = f"There is no such letter {one_line(letter, 40)!r} {of}"
    else:
        missing = f"There is no dead letter {of}"
    if not asked.exists():
        return missing
    replay(asked)
    return ""


class Row:
    """One relay in the list."""

    def __init__(self, one: Standing) -> None:
        self.name = visible(one.name)
        self.standing = one
        self.kind = WORDS.get(one.kind, one.kind)
        self.style = STYLES[one.kind]
        self.sentence = visible(spoken(one.sentence, 2_000))
        self.where = visible(one.relay.shown_url) if one.relay else ""
        self.format = one.relay.format if one.relay else ""
        self.behind = "" if one.kind == "removed" else behind(one.waiting) if one.waiting else "nothing"
        oldest = "it" if one.waiting == 1 else "the oldest"
        self.oldest = f"{oldest} is {_age(one.waiting_seconds)} old" if one.waiting else ""
        self.runner = visible(one.row.runner) if one.row else ""
        self.row = one.row
        self.last_error = visible(spoken(one.row.last_error, 2_000)) if one.row else ""
        self.unasked = one.letters - one.asked


class Letter:
    """One dead letter in the list."""

    def __init__(self, letter: DeadLetter) -> None:
        self.letter = letter
        self.relay = visible(letter.relay)
        self.url = event_url(letter.event)
        self.reason, _, self.said = visible(letter.reason).partition("\n")
        self.iso = iso(letter.refused_at)


def _age(seconds: float) -> str:
    """``40 seconds``, ``54 minutes``, ``5 hours``, ``3 days``."""
    for size, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return counted(int(seconds // size), noun)
    return counted(int(seconds), "second")


def _as_json(one: Standing) -> dict[str, Any]:
    row = one.row
    return {
        "name": one.name,
        "state": one.kind,
        "detail": one.sentence,
        "sink": one.relay.sink if one.relay else None,
        "to": one.relay.shown_url if one.relay else None,
        "format": one.relay.format if one.relay else None,
        "reached": row.reached if row else 0,
        "behind": None if one.kind == "removed" else one.waiting,
        "behind_seconds": None if one.kind == "removed" else round(one.waiting_seconds, 3),
        "sent": row.sent if row else 0,
        "failed": row.failed if row else 0,
        "missed": row.missed if row else 0,
        "dead_letters": one.letters,
        "last_error": row.last_error if row else "",
        "runner": row.runner if row else "",
    }
