"""Checks the timestamps (RFC 3161) that checkpoints carry: over which text, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.x509 import Certificate

from signal_log.amounts import counted
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint
from signal_log.seal.ranges import Ranges
from signal_log.seal.verify.findings import TIMESTAMP, Report
from signal_log.seal.witness.timestamp import is_installed, may_be_over, must_be_over, read_certificates, read_token


class Stamps:
    """Those of one tree's checkpoints."""

    def __init__(self, origin: str, report: Report) -> None:
        self._origin = origin
        self._report = report
        self._unread = 0
        self._unsigned = 0
        self._certificates: Sequence[Certificate] = ()
        self._problem = "TIMESTAMPS names no authority whose they could be"
        if conf.TIMESTAMPS and is_installed():
            try:
                self._certificates = read_certificates(Path(conf.TIMESTAMPS["certificate"]))
            except ProofError as error:
                self._problem = str(error).rstrip(".")

    def check(self, row: SealCheckpoint, text: str) -> None:
        """Compare the token of a checkpoint, if it has one, with the text that the log has signed."""
        if row.token is None:
            return
        token = bytes(row.token)
        if not is_installed():
            self._unread += 1
            if not may_be_over(token, text):
                self._report.find(
                    TIMESTAMP, f"The timestamp of checkpoint {row.number} is over another text than the checkpoint's.",
                    checkpoints=Ranges.of([row.number]),
                )  # fmt: skip
            return
        try:
            must_be_over(token, text)
            if self._certificates:
                read_token(token, text, self._certificates)
            else:
                self._unsigned += 1
        except ProofError as error:
            self._report.find(
                TIMESTAMP, f"The timestamp of checkpoint {row.number} is not its own: {error} If another authority was "
                "asked before, its certificates belong to those in TIMESTAMPS.", checkpoints=Ranges.of([row.number]),
            )  # fmt: skip

    def tell(self) -> None:
        """Say what could not be checked."""
        if self._unread:
            self._report.limits.append(
                f"{counted(self._unread, 'timestamp')} of {self._origin} "
                f"{'was' if self._unread == 1 else 'were'} not checked: that needs the extra `timestamps`, "
                "pip install 'signal-log[timestamps]'."
            )
        if self._unsigned:
            self._report.limits.append(
                f"Who has signed {counted(self._unsigned, 'timestamp')} of {self._origin} was not checked: "
                f"{self._problem}."
            )
