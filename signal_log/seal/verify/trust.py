"""Whom a run believes, and which checkpoints they hold: keys, witnesses, files that somebody has kept."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import quote

from signal_log import clock
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.seal.iceberg.place import read_place
from signal_log.seal.keys.remembered import log_of
from signal_log.seal.keys.signing import under, vkey_of
from signal_log.seal.note import COSIGNATURE, VerifierKey, verifier_key
from signal_log.seal.origin import origin_of
from signal_log.seal.verify import held
from signal_log.seal.verify.findings import Report
from signal_log.seal.verify.retired import Retired
from signal_log.seal.verify.wanted import Wanted
from signal_log.seal.witness.call import Witness, witness


@dataclass(slots=True)
class Trust:
    """Who is believed."""

    vkeys: list[VerifierKey]
    witnesses: list[Witness]
    addresses: list[str]
    asked: float
    """When the witnesses were asked, in seconds since 1970."""
    report: Report
    expected: frozenset[str] = frozenset()
    """The addresses of witnesses that must have countersigned something of the newest generation."""
    log: str = ""
    """The log's name, as its first generation has it; no key of another one counts."""
    retired: list[Retired] = field(default_factory=list)
    """Keys that were this log's, as it tells itself; nobody believes them."""

    def keys(self, origin: str) -> list[VerifierKey]:
        """The log's keys under the name of one generation; none where the name is another log's."""
        if self.log and log_of(origin) != self.log:
            return []
        if self.vkeys:
            return [under(key, origin) for key in self.vkeys]
        found = []
        for entry in conf.SEAL_KEYS:
            try:
                found.append(vkey_of(entry, origin))
            except ProofError as error:
                sentence = f"SIGNAL_LOG['SEAL_KEYS']: {error}"
                if sentence not in self.report.unchecked:
                    self.report.unchecked.append(sentence)
        return found

    def of_log(self, origins: list[str]) -> None:
        """Tell whose log this is; raises ``ProofError`` if a verifier key that was given is another's."""
        self.log = log_of(origins[0])
        for key in self.vkeys:
            under(key, origins[0])
        if conf.SEAL_ORIGIN and self.log != conf.SEAL_ORIGIN:
            self.report.unchecked.append(
                f"This log calls itself {self.log}, and SEAL_ORIGIN names {conf.SEAL_ORIGIN}: it is another log than "
                "it should be, or the setting was changed. A log keeps the name that it began with."
            )


def trust_of(wanted: Wanted, report: Report) -> Trust:
    keys = [verifier_key(text) for text in wanted.vkeys]
    for key in keys:
        if key.kind == COSIGNATURE:
            raise ProofError(f"The key of {key.name} is a witness's; --vkey takes the log's own.")
    witnesses, wrong = held.named_witnesses()
    report.unchecked += wrong
    addresses = []
    expected = {one.url for one in witnesses} if conf.WITNESS_QUORUM else set()
    for text in wanted.witnesses:
        url, _, vkey = text.strip().partition(" ")
        expected.add(url.rstrip("/"))
        if vkey:
            witnesses = [one for one in witnesses if one.url != url.rstrip("/")] + [witness(url, vkey.strip())]
        elif url.rstrip("/") not in {one.url for one in witnesses}:
            addresses.append(url)
    return Trust(keys, witnesses, addresses, clock.now().timestamp(), report, frozenset(expected))


def kept_files(wanted: Wanted, trust: Trust, origins: list[str]) -> dict[str, list[held.Held]]:
    found: dict[str, list[held.Held]] = {}
    for path in wanted.checkpoints:
        try:
            checkpoint = held.from_file(path)
            if not held.is_of_log(checkpoint, origins):
                raise ProofError(f"It is of another log, {checkpoint.origin}; this one is {origins[-1]}.")
            origin = checkpoint.origin
            found.setdefault(origin, []).append(held.verified_file(path, origin, trust.keys(origin)))
        except ProofError as error:
            raise ProofError(f"{path} cannot be compared with the log. {error}") from None
    return found


def ask(origin: str, trust: Trust, report: Report, newest: str) -> list[held.Held]:
    keys = trust.keys(origin)
    expected = trust.expected if origin == newest else frozenset()
    found = held.from_witnesses(origin, trust.witnesses, keys, report, expected)
    for url in trust.addresses:
        found += held.from_address(origin, url, keys, report, expected)
    return found + held.from_memory(origin, report, is_newest=origin == newest)


def first_origins(trust: Trust) -> list[str]:
    """The name that a log without a tree has."""
    return [f"{log_of(trust.vkeys[0].name)}/1"] if trust.vkeys else [origin_of(1)]


def looked_at(wanted: Wanted, trust: Trust, files: dict[str, list[held.Held]]) -> list[str]:
    """What a run looks at besides the database, in sorted lines by which a later run can be compared with it."""
    checkpoints = [one.checkpoint for found in files.values() for one in found]
    return sorted(
        {
            *(f"witness {url.rstrip('/')}" for url in (*(one.url for one in trust.witnesses), *trust.addresses)),
            *(f"checkpoint {one.origin} {one.size} {one.root.hex()}" for one in checkpoints),
            *(f"archive {quote(str(folder.resolve()), safe='/')}" for folder in wanted.archives),
            *(f"archive {quote(read_place(url).location, safe='/:')}" for url in wanted.tables),
            *(f"vkey {b64encode(key.public).decode()}" for key in trust.vkeys),
        }
    )
