"""How a log calls itself in its checkpoints: ``<host>/<the log's identity>/<generation>``."""

from __future__ import annotations

import re
import socket
from typing import Final

from signal_log.conf import conf
from signal_log.store.schema import log_identity

LONGEST: Final = 200
_OTHERS: Final = re.compile(r"[^A-Za-z0-9.-]")


def origin_of(generation: int) -> str:
    """The origin of a generation that begins now; an earlier one keeps what is stored in its tree."""
    named: str = conf.SEAL_ORIGIN or f"{_OTHERS.sub('-', socket.gethostname())[:LONGEST]}/{log_identity(conf.DATABASE)}"
    return f"{named}/{generation}"
