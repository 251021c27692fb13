"""The system checks of who countersigns and stamps checkpoints: addresses, keys, certificates, the quorum."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.core import checks

from signal_log.conf import accepted, conf
from signal_log.errors import ProofError
from signal_log.seal.http_call import address
from signal_log.seal.witness.call import Witness, witness
from signal_log.seal.witness.timestamp import must_be_installed, read_certificates

_HINT: Final = (
    'A witness is {"url": "https://witness.example", "vkey": "witness.example+…"}: its address, and the '
    "line that `signal_witness init` printed there."
)


def check_witnesses(**_: Any) -> list[checks.CheckMessage]:
    """Each of ``WITNESSES`` can be asked and its signatures verified, and ``WITNESS_QUORUM`` can be reached."""
    if not accepted("WITNESSES"):
        return []
    found: list[str] = []
    known: list[Witness] = []
    for number, entry in enumerate(conf.WITNESSES):
        try:
            one = witness(str(entry["url"]), str(entry["vkey"]))
        except ProofError as error:
            found.append(f"SIGNAL_LOG['WITNESSES'][{number}]: {error}")
            continue
        if one.name in (other.name for other in known):
            found.append(f"SIGNAL_LOG['WITNESSES'] has two witnesses that are called {one.name}.")
        elif one.key.public in (other.key.public for other in known):
            found.append(f"SIGNAL_LOG['WITNESSES'] has two witnesses with one key; {one.name} is the second.")
        known.append(one)
    messages: list[checks.CheckMessage] = [checks.Error(what, hint=_HINT, id="signal_log.E016") for what in found]
    if accepted("WITNESS_QUORUM") and len(conf.WITNESSES) < conf.WITNESS_QUORUM:
        what = (
            f"SIGNAL_LOG['WITNESS_QUORUM'] is {conf.WITNESS_QUORUM}, but WITNESSES names {len(conf.WITNESSES)}:"
            " no checkpoint can ever have enough countersignatures."
        )
        hint = "Name more witnesses under other operators, or lower WITNESS_QUORUM."
        messages.append(checks.Error(what, hint=hint, id="signal_log.E017"))
    return messages


def check_timestamps(**_: Any) -> list[checks.CheckMessage]:
    """The authority in ``TIMESTAMPS`` can be asked, and what it answers verified."""
    if not accepted("TIMESTAMPS") or not conf.TIMESTAMPS:
        return []
    try:
        must_be_installed()
        address(str(conf.TIMESTAMPS["url"]))
        read_certificates(Path(str(conf.TIMESTAMPS["certificate"])))
    except ProofError as error:
        hint = 'An authority is {"url": "https://tsa.example", "certificate": "tsa.pem"}, with its root in the file.'
        return [checks.Error(f"SIGNAL_LOG['TIMESTAMPS']: {error}", hint=hint, id="signal_log.E018")]
    return []
