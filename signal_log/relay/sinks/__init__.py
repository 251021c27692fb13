"""Where a relay sends: one module for each kind of receiver; what needs a package imports it when it is used."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from signal_log.relay.addresses import FILE, KAFKA, NATS, SYSLOG
from signal_log.relay.message import Sink
from signal_log.relay.settings import Relay


def sink_of(relay: Relay, over: Event) -> Sink:
    """The sink of a relay; raises ``RelayError`` with the command that installs what it needs."""
    return _MAKE.get(relay.sink, _webhook)(relay, over)


def _webhook(relay: Relay, over: Event) -> Sink:
    from signal_log.relay.sinks.webhook import Webhook

    return Webhook(relay, over)


def _kafka(relay: Relay, over: Event) -> Sink:
    from signal_log.relay.sinks.kafka import Kafka

    return Kafka(relay, over)


def _nats(relay: Relay, over: Event) -> Sink:
    from signal_log.relay.sinks.nats import Nats

    return Nats(relay)


def _syslog(relay: Relay, over: Event) -> Sink:
    from signal_log.relay.sinks.syslog import Syslog

    return Syslog(relay)


def _file(relay: Relay, over: Event) -> Sink:
    from signal_log.relay.sinks.file import File

    return File(relay)


_MAKE: dict[str, Callable[[Relay, Event], Sink]] = {KAFKA: _kafka, NATS: _nats, SYSLOG: _syslog, FILE: _file}
