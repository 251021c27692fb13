"""``python -m signal_log.seal.verify EVENT.tlog-proof --vkey KEY``: checks one event's proof, without Django."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from signal_log import clock
from signal_log.errors import ProofError
from signal_log.seal.note import verifier_key
from signal_log.seal.verify.proof import MOST_BYTES, Disproved, check_proof, read_proof
from signal_log.seal.verify.proof_words import printable, said

PROVED: Final = 0
DISPROVED: Final = 1
NOT_CHECKED: Final = 2
_AGE: Final = re.compile(r"([1-9]\d{0,5})([dhm])", re.ASCII)
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes"}


def moment(given: str) -> datetime:
    """Parse an age such as ``7d``, or a time."""
    match = _AGE.fullmatch(given)
    try:
        if match:
            return clock.now() - timedelta(**{_UNITS[match[2]]: int(match[1])})
        found = datetime.fromisoformat(given)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{given[:40]!r} is no age such as 7d, 12h or 30m, and no time such as 2026-11-22T09:42Z."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def number(given: str) -> int:
    """Parse a quorum."""
    if not (given.isascii() and given.isdigit() and len(given) < 4):
        raise argparse.ArgumentTypeError(f"{given[:40]!r} is no number of witnesses.")
    return int(given)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check it, say what it shows, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m signal_log.seal.verify",
        description="Check the proof of one event. Exit status: 0 proved, 1 the file does not prove what it says, "
        "2 could not be checked.",
    )  # fmt: skip
    parser.add_argument("proof", type=Path, metavar="EVENT.tlog-proof")
    parser.add_argument("--vkey", action="append", required=True, metavar="KEY",
                        help="the log's verifier key, name+id+key, from somebody whom you trust")  # fmt: skip
    parser.add_argument("--witness", action="append", default=[], metavar="KEY",
                        help="a witness's verifier key; all that are named have to have countersigned")  # fmt: skip
    parser.add_argument("--quorum", type=number, metavar="N", help="so many of the witnesses are enough")
    parser.add_argument("--not-older-than", type=moment, metavar="AGE",
                        help="7d, 12h, 30m or a time; by the witnesses' clocks")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        keys = [verifier_key(text) for text in options.vkey]
        witnesses = [verifier_key(text) for text in options.witness]
        proof = read_proof(_content(options.proof))
        proved = check_proof(
            proof, keys, witnesses, quorum=options.quorum, not_older_than=options.not_older_than
        )  # fmt: skip
    except Disproved as error:
        return _refuse(f"Not proved: {error}", DISPROVED)
    except ProofError as error:
        return _refuse(f"Could not be checked: {error}", NOT_CHECKED)
    for sentence in said(proved):
        print(sentence)
    print("Proved.")
    return PROVED


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ProofError(f"{path} could not be read: {error.strerror}.") from None


def _refuse(sentence: str, code: int) -> int:
    print(printable(sentence), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
