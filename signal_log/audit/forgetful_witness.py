"""Writes an event where a witness forgot what it had countersigned: it would have signed another history, too."""

from __future__ import annotations

from django.db import transaction

from signal_log.audit.own_events import SEALED, tell
from signal_log.conf import conf
from signal_log.models import SealWitness


def tell_of_forgotten() -> None:
    """Tell once of each that the sealer has noted."""
    for row in SealWitness.objects.filter(is_told=False):
        with transaction.atomic(using=conf.DATABASE):
            if SealWitness.objects.filter(pk=row.pk, is_told=False, forgot_at=row.forgot_at).update(is_told=True):
                tell(SEALED, action="witness-forgot", witness=row.name, said=row.forgotten)
