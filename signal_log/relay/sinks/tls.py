"""How a sink speaks TLS: the receiver's certificate is always verified."""

from __future__ import annotations

import ssl

from signal_log.relay.sinks.sentence import sentence
from signal_log.seal.http_call import no_http


def context_of(ca: str) -> ssl.SSLContext:
    """Trusts what this machine trusts or, where a file of certificates is named, what they have signed."""
    return ssl.create_default_context(cafile=ca or None)


def why_unreached(error: Exception, seconds: float) -> str:
    """A sentence about a receiver that did not answer, without its address, which may be a secret."""
    if isinstance(error, TimeoutError):
        return f"It gave no answer within {seconds:g} seconds."
    if isinstance(error, ssl.SSLCertVerificationError):
        return sentence("Its certificate is not trusted here", error.verify_message)
    if isinstance(error, ssl.SSLError):
        return sentence("TLS failed", error.reason or "the connection was cut")
    if isinstance(error, OSError):
        return sentence("It could not be reached", error.strerror or type(error).__name__)
    return no_http(error)
