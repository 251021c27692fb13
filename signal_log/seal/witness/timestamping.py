"""Has a checkpoint stamped by the authority in ``TIMESTAMPS`` once an hour, and keeps what it said, as of a witness."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from signal_log.clock import now
from signal_log.conf import conf
from signal_log.errors import ProofError
from signal_log.models import SealCheckpoint, SealTree, SealWitness
from signal_log.seal.http_call import SECONDS
from signal_log.seal.note import read_note
from signal_log.seal.witness.timestamp import ask_token, read_certificates, read_token

EVERY: Final = 3600
"""Seconds between two stamps: authorities are not made for one every few seconds."""
WAIT: Final = 300
"""After a failure it is left alone for so many seconds."""


def authority_name() -> str:
    """What the authority is called in its row; empty if none is asked."""
    return f"timestamps of {urlsplit(conf.TIMESTAMPS['url']).hostname}" if conf.TIMESTAMPS else ""


def is_stamp_due(tree: SealTree, checkpoint: SealCheckpoint) -> bool:
    """Whether the checkpoint is to be stamped now."""
    if not conf.TIMESTAMPS or not checkpoint.note or checkpoint.token is not None:
        return False
    row = SealWitness.objects.filter(tree=tree, name=authority_name()).first()
    if row is None:
        return True
    waited = (now() - row.tried_at).total_seconds()
    return not 0 <= waited < (WAIT if row.problem else EVERY)


def stamp(tree: SealTree, checkpoint: SealCheckpoint, *, seconds: float = SECONDS) -> None:
    """Ask for a token over the checkpoint's text; what goes wrong is kept as a sentence."""
    name, url = authority_name(), conf.TIMESTAMPS["url"]
    row = SealWitness.objects.filter(tree=tree, name=name).first() or SealWitness(tree=tree, name=name)
    row.url, row.tried_at, row.problem = url, now(), ""
    try:
        certificates = read_certificates(Path(conf.TIMESTAMPS["certificate"]))
        text = read_note(checkpoint.note.encode()).text
        token, moment = ask_token(url, text, certificates, seconds=seconds)
    except ProofError as error:
        row.problem = str(error)
    else:
        SealCheckpoint.objects.filter(pk=checkpoint.pk).update(token=token)
        checkpoint.token = token
        row.size, row.cosigned_at = checkpoint.size, int(moment.timestamp())
    row.save(using=conf.DATABASE)


def stamped_at(checkpoint: SealCheckpoint) -> datetime | None:
    """When a checkpoint was stamped, verified; None if it carries no token. Raises ``ProofError``."""
    if checkpoint.token is None or not conf.TIMESTAMPS:
        return None
    certificates = read_certificates(Path(conf.TIMESTAMPS["certificate"]))
    return read_token(bytes(checkpoint.token), read_note(checkpoint.note.encode()).text, certificates)
