"""Asks witnesses for generations after the newest that is here: a database that was put back knows nothing of them."""

from __future__ import annotations

from typing import Final

from signal_log.seal.keys.remembered import generation_of, log_of
from signal_log.seal.verify import held
from signal_log.seal.verify.findings import REWOUND, Report
from signal_log.seal.verify.trust import Trust

AHEAD: Final = 2
"""How many generations further is asked: a witness may not have been told of one."""
MOST: Final = 100


def find_later(newest: str, trust: Trust, report: Report) -> None:
    """Name each generation that a witness knows, and this database does not."""
    log, last = log_of(newest), generation_of(newest)
    number, end = last + 1, last + AHEAD
    while last and number <= min(end, last + MOST):
        for one in _ask(f"{log}/{number}", trust):
            report.find(
                REWOUND,
                f"{one.who} has countersigned {one.checkpoint.size:,} events of generation {number}{one.when()}, which "
                "is gone: an older copy of the database was put back, or the generation was taken away.",
            )
            end = number + AHEAD
        number += 1


def _ask(origin: str, trust: Trust) -> list[held.Held]:
    """What they show of one generation; what is wrong with them has been told."""
    silent = Report()
    found = held.from_witnesses(origin, trust.witnesses, trust.keys(origin), silent)
    for url in trust.addresses:
        found += held.from_address(origin, url, trust.keys(origin), silent)
    return found
