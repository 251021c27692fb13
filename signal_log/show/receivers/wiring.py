"""The map of receivers: what is connected, joined with what was seen of it, and who causes whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from signal_log.capture.signals.connected import Connected, connected
from signal_log.show.cascade.document import finding_as_json
from signal_log.show.receivers.recent import Recent
from signal_log.show.receivers.seen import UNSEEN, Kind, Seen, caused, lately_called, seen
from signal_log.show.words.kinds import short_name
from signal_log.show.words.moments import iso

FORMAT: Final = "signal_log.receivers/1"


@dataclass(slots=True)
class Wired:
    """A receiver of one signal of one model; ``at`` is None if it was called lately and is not connected any more."""

    receiver: str
    signal: str
    model: str
    at: Connected | None
    seen: Seen = UNSEEN
    caused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often which verb on which model."""
    copies: int = 1
    """How often it is connected to this signal of this model; each has its own calls and its part of the effects."""

    @property
    def order(self) -> int:
        """Its place in the order of calls, from 1; 0 if it is gone."""
        return self.at.order if self.at is not None else 0


def wiring() -> list[Wired]:
    """All receivers by model, signal and order; those that are gone last."""
    now = list(connected())
    kinds = {(one.receiver, one.signal, one.model) for one in now}
    gone = sorted(kind for kind in lately_called() if kind not in kinds and not _is_for_any(kind, kinds))
    known = seen([*((one.receiver, one.signal, one.model) for one in now), *gone])
    effects = caused()
    copies = Counter((one.receiver, one.signal, one.model) for one in now)
    nth: Counter[Kind] = Counter()
    found = [Wired(one.receiver, one.signal, one.model, one) for one in now]
    found += [Wired(*kind, None) for kind in gone]
    for one in found:
        kind = one.receiver, one.signal, one.model
        one.copies, number = max(1, copies[kind]), nth[kind]
        nth[kind] += 1
        one.seen = known[kind][number] if kind in known else UNSEEN
        if one.seen.calls:
            one.caused = _part(effects.get(one.receiver, Counter()), number, one.copies)
    return found


def _part(whole: Counter[tuple[str, str]], number: int, parts: int) -> Counter[tuple[str, str]]:
    """What falls to one of several equal connections: the log knows a receiver's effects, not which call had them."""
    return Counter({key: share for key, times in whole.items() if (share := (times + parts - 1 - number) // parts)})


def mutual(found: list[Wired]) -> set[tuple[str, str]]:
    """The pairs of models that cause each other, in both directions."""
    edges = {(one.model, model) for one in found for _, model in one.caused if one.model != model}
    return {(a, b) for a, b in edges if (b, a) in edges}


def as_json(found: list[Wired], recent: list[Recent]) -> dict[str, Any]:
    """The map as JSON values, with what the newest traces have shown."""
    return {"format": FORMAT, "findings": [_found(one) for one in recent], "receivers": [_row(one) for one in found]}


def _found(one: Recent) -> dict[str, Any]:
    return {**finding_as_json(one.finding), "traces": one.traces, "newest": str(one.newest)}


def _row(one: Wired) -> dict[str, Any]:
    at, told = one.at, one.seen
    return {
        "model": one.model,
        "signal": one.signal,
        "order": one.order,
        "receiver": one.receiver,
        "app": at.app if at else "",
        "file": at.file if at else "",
        "line": at.line if at else 0,
        "async": at.is_async if at else None,
        "weak": at.is_weak if at else None,
        "every_sender": at.for_every_sender if at else None,
        "dispatch_uid": at.dispatch_uid if at else "",
        "connected": at is not None,
        "calls": told.calls,
        "errors": told.errors,
        "p50_us": told.p50_us,
        "p95_us": told.p95_us,
        "last_seen": iso(told.last) if told.last else None,
        "caused": [{"verb": verb, "model": model, "times": times} for (verb, model), times in one.caused.most_common()],
    }


def effect(one: Wired) -> str:
    """What it caused in words: ``created users.Profile × 12``; empty if nothing."""
    return ", ".join(f"{verb} {model} × {times:,}" for (verb, model), times in one.caused.most_common(5))


def label(one: Wired) -> str:
    """``post_save 1 · create_profile``."""
    place = f"{short_name(one.signal)} {one.order}" if one.order else short_name(one.signal)
    return f"{place} · {short_name(one.receiver)}"


def _is_for_any(kind: tuple[str, str, str], kinds: set[tuple[str, str, str]]) -> bool:
    return (kind[0], kind[1], "") in kinds
