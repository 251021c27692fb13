"""What a relay says of a receiver ends with one full stop, whoever wrote its last words."""

from __future__ import annotations

import ssl
from types import SimpleNamespace

import pytest

from signal_log.relay.sinks.kafka import Kafka
from signal_log.relay.sinks.nats import _told
from signal_log.relay.sinks.sentence import sentence
from signal_log.relay.sinks.tls import why_unreached

MISMATCH = "IP address mismatch, certificate is not valid for '127.0.0.1'."


def untrusted() -> ssl.SSLCertVerificationError:
    """Of a certificate for another name, as OpenSSL words it."""
    error = ssl.SSLCertVerificationError()
    error.verify_message = MISMATCH
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (untrusted(), f"Its certificate is not trusted here: {MISMATCH}"),
        (OSError(111, "Connection refused."), "It could not be reached: Connection refused."),
        (OSError(), "It could not be reached: OSError."),
    ],
)
def test_who_is_not_reached(error, told):
    """OpenSSL ends its own sentences, the system does not."""
    assert why_unreached(error, 5.0) == told


def test_what_kafka_and_nats_say():
    """Their libraries' words, with and without a full stop."""
    sink = Kafka.__new__(Kafka)
    for words in ("Broker: Unknown topic or partition.", "Broker: Unknown topic or partition"):
        sink._problem = ""
        sink._failed(SimpleNamespace(fatal=lambda: False, str=lambda words=words: words))
        assert sink._problem == "Kafka: Broker: Unknown topic or partition."
    assert sentence("NATS", _told(OSError("nats: no servers available for connection."))) == (
        "NATS: no servers available for connection."
    )
