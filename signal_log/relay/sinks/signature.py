"""Signs the body of a request, as Standard Webhooks has it: HMAC-SHA256 over id, time and body (no Django)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"


def signed(secrets: Sequence[str], uid: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a request: what it is, when it was sent, and a signature by each secret."""
    headers = {"Webhook-Id": uid, "Webhook-Timestamp": str(seconds)}
    if secrets:
        content = f"{uid}.{seconds}.".encode() + body
        headers["Webhook-Signature"] = " ".join(f"v1,{_mac(key_of(secret), content)}" for secret in secrets)
    return headers


def key_of(secret: str) -> bytes:
    """The bytes that a secret stands for: those that ``whsec_`` encodes in base64, or else its own."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass  # then it is a text like any other
    return secret.encode()


def _mac(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, "sha256")).decode()
