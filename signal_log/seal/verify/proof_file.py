"""Makes the proof of one event out of the database."""

from __future__ import annotations

from signal_log.errors import ProofError
from signal_log.models import SealTree, SignalEvent
from signal_log.seal.canonical import parts
from signal_log.seal.redacted import still_holds, stored
from signal_log.seal.stored import inclusion, place_of
from signal_log.seal.verify.proof import extra_of, write_proof


class NotSealedYet(ProofError):
    """The event is in no signed checkpoint yet, so that nothing can prove it."""


def proof_file(event: SignalEvent) -> bytes:
    """The content of an event's ``.tlog-proof``; raises ``NotSealedYet``, or ``ProofError`` if it was altered."""
    try:
        found = inclusion(event)
    except ValueError as error:
        raise ProofError(f"Event {event.pk} cannot be proved: {error} Run `manage.py signal_verify`.") from None
    row, salt, kept = stored(event)
    is_sealed = SealTree.objects.filter(last_id__gte=event.pk).exists()
    if not still_holds(event) or (is_sealed and place_of(event) is None):
        raise ProofError(f"Event {event.pk} is not what was sealed. `manage.py signal_verify` tells more.")
    if found is None:
        raise NotSealedYet(f"Event {event.pk} is in no signed checkpoint yet.")
    extra = extra_of(event.pk, parts(row), salt, kept)
    return write_proof(found.place.leaf, found.proof, found.checkpoint.note.encode(), extra)
