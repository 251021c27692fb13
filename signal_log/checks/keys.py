"""The system checks of ``SEAL_KEYS``: each key can be used, and remembers what it signs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core import checks

from signal_log.conf import accepted, conf
from signal_log.errors import ProofError
from signal_log.seal.keys.signing import SOCKET, FileKey, is_vkey, key_that_signs
from signal_log.seal.note import verifier_key


def check_keys(**_: Any) -> list[checks.CheckMessage]:
    """The files are there, hold keys, and only their owner reads them; a signer's socket is not asked."""
    if not accepted("SEAL_KEYS"):
        return []
    found: list[checks.CheckMessage] = []
    for number, entry in enumerate(conf.SEAL_KEYS):
        try:
            if number == 0:
                key_that_signs(entry)
            if is_vkey(entry):
                verifier_key(entry)
            elif not entry.startswith(SOCKET):
                FileKey(Path(entry)).signer()
        except ProofError as error:
            what = "checkpoints are not signed" if number == 0 else "what it has signed cannot be verified here"
            found.append(
                checks.Warning(
                    f"SIGNAL_LOG['SEAL_KEYS'][{number}]: {error} Until then, {what}.",
                    hint="`manage.py signal_seal init` makes the first key, `signal_seal rotate` one to follow it.",
                    id="signal_log.W024",
                )
            )
    if conf.SEAL_KEYS and not found and not conf.SEAL_KEYS[0].startswith(SOCKET):
        found += _memory(Path(conf.SEAL_KEYS[0]).resolve().parent)
    return found


def _memory(folder: Path) -> list[checks.CheckMessage]:
    """What a key has signed last is kept beside it."""
    if os.access(folder, os.W_OK | os.X_OK):
        return []
    return [
        checks.Warning(
            f"SIGNAL_LOG['SEAL_KEYS'][0]: nothing can be written to {folder}, so the key does not remember what it has "
            "signed last: only a witness notices a log that was rewound.",
            hint="Move the key to a folder of its own that the server may write to, or keep it in another process: "
            "`manage.py signal_seal signer`.",
            id="signal_log.W025",
        )
    ]
