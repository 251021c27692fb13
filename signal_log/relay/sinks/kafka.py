"""Sends events to a topic of Kafka, by an idempotent producer that waits for all replicas; the key parts them.

librdkafka keeps what it was given and tries for as long as it takes, in order. So a message that has not been
acknowledged is not given to it again, but waited for; only a producer that has failed for good is replaced, and gets
all that was left in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Event
from typing import Any, Final

from signal_log import clock
from signal_log.amounts import counted
from signal_log.relay.message import Delivery, Message
from signal_log.relay.settings import Relay
from signal_log.relay.sinks.needed import needed
from signal_log.relay.sinks.sentence import sentence

SECONDS: Final = 5.0
"""How long one attempt waits for acknowledgements."""
CONNECTING: Final = 3.0
"""How long one waits where no broker can be reached."""


class Kafka:
    """One topic."""

    most = 500

    def __init__(self, relay: Relay, over: Event) -> None:
        self._kafka = needed("confluent_kafka", "kafka")
        hosts, _, self._topic = relay.url.removeprefix("kafka://").partition("/")
        self._options = {
            "client.id": "signal_log",
            "partitioner": "murmur2_random",  # as Java's producers do it
            "linger.ms": 5,
            "log_level": 2,
            **({"ssl.ca.location": relay.ca, "security.protocol": "ssl"} if relay.ca else {}),
            **relay.options,
            "bootstrap.servers": hosts,
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": 0,  # never: what is not acknowledged is waited for
        }
        self._over = over
        self._producer: Any = None
        self._flying: set[Message] = set()
        self._acknowledged: set[Message] = set()
        self._too_large: dict[Message, str] = {}
        self._problem = ""
        self._is_lost = False

    def send(self, batch: Sequence[Message]) -> Delivery:
        """Give them to the producer, unless it has them, and wait for acknowledgements."""
        self._problem = ""
        try:
            self._give(batch)
        except self._kafka.KafkaException as error:
            self._problem = sentence("The producer failed", error.args[0].str())
            self._lose()
        began = clock.monotonic()
        wanted = set(batch)
        while self._producer is not None and not self._flying.isdisjoint(wanted) and not self._over.is_set():
            waited = clock.monotonic() - began
            if self._is_lost or waited > SECONDS or (self._problem and waited > CONNECTING):
                break
            self._producer.poll(0.05)
        taken = [message for message in batch if message in self._acknowledged]
        self._acknowledged.difference_update(taken)
        refused = [(message, self._too_large.pop(message)) for message in batch if message in self._too_large]
        delivery = Delivery(taken, refused)
        left = len(batch) - len(taken) - len(refused)
        if left:
            delivery.problem = (
                self._problem or f"No acknowledgement of {counted(left, 'event')} in {SECONDS:g} seconds."
            )
        if self._is_lost:
            self._lose()
        return delivery

    def close(self) -> None:
        """Drop what was not acknowledged: it is sent again from the log."""
        self._lose()

    def _give(self, batch: Sequence[Message]) -> None:
        if self._producer is None:
            self._producer = self._kafka.Producer(self._options | {"error_cb": self._failed})
        for message in batch:
            if message in self._flying or message in self._acknowledged:
                continue
            try:
                self._producer.produce(
                    self._topic,
                    value=message.body,
                    key=message.key.encode("utf-8", "backslashreplace"),
                    headers={"id": message.delivery.encode(), "content-type": message.content_type.encode()},
                    on_delivery=partial(self._delivered, message),
                )
            except BufferError:
                break  # the rest comes when there is room
            except self._kafka.KafkaException as error:
                if not _is_too_large(self._kafka, error.args[0]):
                    raise
                self._too_large[message] = f"It is too large for the producer: {len(message.body):,} bytes."
                continue
            self._flying.add(message)

    def _delivered(self, message: Message, error: Any, _: Any) -> None:
        self._flying.discard(message)
        if error is None:
            self._acknowledged.add(message)
        elif _is_too_large(self._kafka, error):
            self._too_large[message] = f"It is too large for the broker: {len(message.body):,} bytes."
        else:
            self._problem = sentence("Kafka did not take it", error.str())
            self._is_lost = True  # whatever follows it must not overtake it

    def _failed(self, error: Any) -> None:
        if error.fatal():
            self._is_lost = True
        self._problem = self._problem or sentence("Kafka", error.str())

    def _lose(self) -> None:
        """Give the producer up, with all that it has; the next one begins with what is left of the batch."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(0.1)
        self._flying.clear()
        self._is_lost = False


def _is_too_large(kafka: Any, error: Any) -> bool:
    return error.code() == kafka.KafkaError.MSG_SIZE_TOO_LARGE
