"""The result of a verification in sentences, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from signal_log.seal.verify.wanted import INTACT, TAMPERED, Result

ACKNOWLEDGED: Final = "acknowledged"
"""For scripts: nothing is wrong but what somebody has said to be missing."""


def told(result: Result) -> Iterator[str]:
    """Every sentence, the verdict last."""
    report = result.report
    for fact in result.facts:
        signed = f", {fact['signed']:,} of them signed" if fact["checkpoints"] else ""
        yield f"{fact['origin']}: {fact['size']:,} leaves, {_number(fact['checkpoints'], 'checkpoint')}{signed}."
        for one in fact["held"]:
            yield f"{one['by']} holds {one['size']:,}."
    for finding in report.findings:
        places = [
            f"{name} {value}"
            for name, value in (("indexes", finding.indexes), ("events", finding.events)) if value
        ]  # fmt: skip
        where = f" [{'; '.join(places)}]" if places else ""
        yield f"TAMPERED  {finding.kind}: {finding.text}{where}"
    if report.dropped:
        yield f"TAMPERED  {report.dropped:,} more findings are not listed."
    for sentence in report.unchecked:
        yield f"NOT CHECKED  {sentence}"
    for sentence in (*report.notes, *report.limits):
        yield f"NOTE  {sentence}"
    yield verdict_sentence(result)


def verdict_sentence(result: Result) -> str:
    """The verdict, which begins with what is missing and was acknowledged."""
    return " ".join([*(f"{one.rstrip('.')}." for one in result.report.acknowledged), _verdict_alone(result)])


def _verdict_alone(result: Result) -> str:
    report, compared = result.report, _number(result.seen.rows, "event")
    if result.verdict == TAMPERED:
        found = len(report.findings) + report.dropped
        return f"The log was tampered with: {_number(found, 'finding')} in {compared}."
    if result.verdict != INTACT:
        return "Could not be checked completely; in what could be, nothing is wrong."
    if report.acknowledged and not report.limits:
        return f"Nothing is wrong with the {compared} that {_were(result.seen.rows)} compared."
    if report.limits and not result.seen.rows:
        return "No event was compared, and nothing is wrong with the rest, as far as the notes above allow to tell."
    if report.limits:
        were = _were(result.seen.rows)
        return f"Nothing is wrong with the {compared} that {were} compared, as far as the notes above allow to tell."
    return f"Intact: {compared} {'is' if result.seen.rows == 1 else 'are'} exactly what was sealed."


def as_json(result: Result, code: int) -> dict[str, Any]:
    """For scripts."""
    report = result.report
    return {
        "verdict": ACKNOWLEDGED if result.verdict == INTACT and report.acknowledged else result.verdict,
        "exit": code,
        "text": verdict_sentence(result),
        "events": result.seen.rows,
        "unsealed": result.seen.unsealed,
        "generations": result.facts,
        "findings": [finding.as_json() for finding in report.findings],
        "more_findings": report.dropped,
        "not_checked": report.unchecked,
        "limits": [*report.acknowledged, *report.limits],
        "notes": report.notes,
    }


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _number(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"
