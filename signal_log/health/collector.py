"""What is measured, in Prometheus text format; the only module that imports prometheus-client, which is an extra."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db import DatabaseError, InterfaceError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from signal_log.capture.faults import faults
from signal_log.capture.transaction.unrecorded import unrecorded
from signal_log.models import BreakState
from signal_log.relay.state import MOST_COUNTED as MOST_RELAYED
from signal_log.relay.state import standings
from signal_log.seal.state import MOST_COUNTED as MOST_UNSEALED
from signal_log.seal.state import seal_state
from signal_log.store.read import events
from signal_log.tail import doorbell, hub
from signal_log.telemetry.lost import lost

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def measured() -> bytes:
    """This process's metrics; no text of any event is among them."""
    return generate_latest(REGISTRY)


class LogCollector(Collector):
    """Collects at every scrape; keeps no state."""

    def collect(self) -> Iterator[Metric]:
        """A few rows by index; if the database is down, its metrics are omitted rather than zero."""
        yield GaugeMetricFamily("signal_log_sockets_open", "Live pages connected to this process.", hub.open_sockets())
        yield CounterMetricFamily(
            "signal_log_failed_doorbells",
            "Rings of this process that did not reach the channel layer.",
            doorbell.failed_rings(),
        )
        yield CounterMetricFamily(
            "signal_log_unrecorded_events",
            "Events of this process that could not be written to the log.",
            unrecorded.total,
        )
        yield CounterMetricFamily(
            "signal_log_recorder_faults",
            "Failures of the recorder of this process to tell all of an event.",
            faults.total,
        )
        yield CounterMetricFamily(
            "signal_log_lost_traces", "Traces of this process whose durations were not kept.", lost.traces
        )
        yield CounterMetricFamily(
            "signal_log_lost_receiver_calls", "Receivers' calls of this process that were not kept.", lost.calls
        )
        newest = _newest_event()
        yield GaugeMetricFamily("signal_log_database_up", "Whether the log can be read.", newest is not None)
        if newest is not None:
            yield GaugeMetricFamily(
                "signal_log_newest_event_id",
                "The highest id in the log; its rate is that of recorded events (ids may have gaps).",
                newest,
            )
        yield from _seal()
        yield from _past_writes()
        yield from _relays()


def _seal() -> Iterator[Metric]:
    """How far the log is sealed; nothing if the database does not tell."""
    try:
        state = seal_state()
    except (DatabaseError, InterfaceError):
        return
    yield GaugeMetricFamily("signal_log_sealed_events", "Events in the newest generation of the tree.", state.size)
    yield GaugeMetricFamily(
        "signal_log_signed_events", "Events that its newest signed checkpoint covers.", state.signed_size
    )
    yield GaugeMetricFamily(
        "signal_log_unsealed_events", f"Events that are not in the tree yet{_at_most(MOST_UNSEALED)}.", state.waiting
    )
    yield GaugeMetricFamily(
        "signal_log_seal_lag_seconds", "How long the oldest of those has waited.", state.waiting_seconds
    )
    yield GaugeMetricFamily(
        "signal_log_seal_stopped", "Whether sealing has stopped, as after a restore.", bool(state.stopped)
    )
    yield GaugeMetricFamily(
        "signal_log_tampered", "Whether the newest verification found that the log was changed.", state.tampered
    )
    if state.tree is not None:
        yield GaugeMetricFamily(
            "signal_log_sealed_timestamp_seconds", "When the tree last grew.", state.tree.grown_at.timestamp()
        )
    if state.checkpoint is not None:
        yield GaugeMetricFamily(
            "signal_log_signed_timestamp_seconds",
            "When the newest signed checkpoint was made.",
            state.checkpoint.made_at.timestamp(),
        )
    witnesses = GaugeMetricFamily(
        "signal_log_witness_up", "Whether a witness countersigned when it was last asked.", labels=("witness",)
    )
    cosigned = GaugeMetricFamily(
        "signal_log_cosigned_events", "Events in the checkpoint that a witness last countersigned.", labels=("witness",)
    )
    for witness in state.witnesses:
        witnesses.add_metric((witness.name,), not witness.problem)
        cosigned.add_metric((witness.name,), witness.size)
    yield from (witnesses, cosigned)


def _past_writes() -> Iterator[Metric]:
    """What the search for breaks has found; nothing while nobody has looked."""
    try:
        state = BreakState.objects.first()
    except (DatabaseError, InterfaceError):
        return
    if state is None:
        return
    yield CounterMetricFamily(
        "signal_log_past_writes", "Fields and rows that events found written past Django, as far as was looked.",
        state.found,
    )  # fmt: skip
    yield GaugeMetricFamily(
        "signal_log_past_writes_looked_to", "The id up to which events were looked at for that.", state.last_id
    )


def _at_most(number: int) -> str:
    """What stands above a number is told by ids."""
    return f" (above {number:,}, at most so many: their ids are counted, and ids may have gaps)"


def _relays() -> Iterator[Metric]:
    """How far each relay is; nothing if the database does not tell."""
    try:
        found = standings()
    except (DatabaseError, InterfaceError):
        return
    label = ("relay",)
    up = GaugeMetricFamily("signal_log_relay_up", "Whether a process runs the relay and gets on.", labels=label)
    lag = GaugeMetricFamily(
        "signal_log_relay_lag_events", f"Events that it has not passed yet{_at_most(MOST_RELAYED)}.", labels=label
    )
    seconds = GaugeMetricFamily(
        "signal_log_relay_lag_seconds", "How long ago the oldest of those occurred.", labels=label
    )
    sent = CounterMetricFamily("signal_log_relay_sent", "Messages that its receiver has acknowledged.", labels=label)
    failed = CounterMetricFamily("signal_log_relay_failed", "Attempts to send that have failed.", labels=label)
    missed = CounterMetricFamily("signal_log_relay_missed", "Events pruned before they were sent.", labels=label)
    letters = GaugeMetricFamily(
        "signal_log_relay_dead_letters", "Events that its receiver has refused for good.", labels=label
    )
    for one in found:
        name = (one.name,)
        up.add_metric(name, one.kind == "running")
        if one.kind != "removed":
            lag.add_metric(name, one.waiting)
            seconds.add_metric(name, one.waiting_seconds)
        sent.add_metric(name, one.row.sent if one.row else 0)
        failed.add_metric(name, one.row.failed if one.row else 0)
        missed.add_metric(name, one.row.missed if one.row else 0)
        letters.add_metric(name, one.letters)
    yield from (up, lag, seconds, sent, failed, missed, letters)


REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
REGISTRY.register(LogCollector())


def _newest_event() -> int | None:
    try:
        return events().order_by("-pk").values_list("pk", flat=True).first() or 0
    except (DatabaseError, InterfaceError):
        return None
