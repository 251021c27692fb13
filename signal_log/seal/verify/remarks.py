"""What is to be said beside the findings: what was redacted, pruned or left out, and what nobody can tell."""

from __future__ import annotations

from signal_log.amounts import counted
from signal_log.seal.ranges import Ranges
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.allowed import Allowed
from signal_log.seal.verify.wanted import Result, Wanted


def remark(result: Result, allowed: Allowed, wanted: Wanted) -> None:
    report, seen = result.report, result.seen
    if seen.unsealed:
        newest = f"The {seen.unsealed:,} newest events are" if seen.unsealed > 1 else "The newest event is"
        report.notes.append(f"{newest} not sealed yet, and compared with nothing but the digest.")
    if seen.archived:
        report.notes.append(
            f"{counted(seen.archived, 'event')} of archives {'was' if seen.archived == 1 else 'were'} compared with "
            f"{'its leaf' if seen.archived == 1 else 'their leaves'}."
        )
    redacted = Ranges([*seen.redacted, *seen.redacted_in_archives]).common(allowed.archived)
    if redacted:
        report.notes.append(
            f"{_were(redacted.count)} redacted, as {_told(allowed.redacted_by(redacted))}; of what is gone only the "
            "hash is proved, and of what is left that the redaction left it."
        )
    if number := sum(ranges.common(seen.gone.get(one, Ranges())).count for one, ranges in allowed.pruned.items()):
        report.notes.append(f"{_were(number)} pruned, as {_told(allowed.pruned_by(seen.gone))}.")
    told = Ranges([*allowed.redacted_by(redacted), *allowed.pruned_by(seen.gone)])
    if unsealed := told.common(allowed.unsealed):
        report.limits.append(
            f"Of what tells of redactions or prunes, {unsealed} is not sealed yet, so that nothing proves who wrote "
            "that and when. Seal it, and verify again."
        )
    report.notes += allowed.refused
    if seen.incomplete:
        report.notes.append(f"Of the events {seen.incomplete} the recorder says itself that it could not record all.")
    if wanted.since and result.trees:
        _remark_begin(result, wanted.since)
    if wanted.shard[1] > 1:
        _remark_part(result, *wanted.shard)


def _remark_begin(result: Result, since: int) -> None:
    """Where ``--since`` has begun, which is with a whole tile."""
    report, newest, begin = result.report, result.trees[-1], since // WIDTH * WIDTH
    if begin < since:
        report.notes.append(
            f"--since {since:,} has begun at the index {begin:,}: leaves are compared {WIDTH} at a time."
        )
    if begin or len(result.trees) > 1:
        earlier = f"of earlier generations than {newest.generation} and " if len(result.trees) > 1 else ""
        report.limits.append(f"Events {earlier}below the index {begin:,} were not compared (--since).")
    if begin == newest.size:
        report.limits.append(f"No event has an index from {begin:,} on, so that none was compared.")


def _remark_part(result: Result, part: int, parts: int) -> None:
    report, tiles = result.report, sum(-(-tree.size // WIDTH) for tree in result.trees)
    if not result.seen.rows:
        report.limits.append(
            f"No event was compared in this part: of {parts} parts some are empty where there "
            f"{'is 1 tile' if tiles == 1 else f'are {tiles:,} tiles'} of {WIDTH} leaves, or all of it was left out."
            if tiles < parts else "No event was compared in this part."
        )  # fmt: skip
    report.limits.append(f"This is part {part} of {parts}; the others tell of the rest.")


def _were(number: int) -> str:
    return "1 event was" if number == 1 else f"{number:,} events were"


def _told(events: Ranges) -> str:
    return f"event {events} tells" if events.count == 1 else f"the events {events} tell"
