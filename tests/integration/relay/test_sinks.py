"""Files, syslog, Kafka and NATS: what each gets, and that nothing is lost while its server is gone."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
from collections import Counter
from threading import Event, Thread
from time import sleep

import pytest

from signal_log.models import RelayCursor
from signal_log.relay.message import Message
from signal_log.relay.settings import parse
from signal_log.relay.sinks import file, kafka, nats, sink_of, syslog
from tests.factories import make_event
from tests.integration.relay.receivers import Syslog, certificate, server_context
from tests.servers.nats import Nats
from tests.servers.network_link import NetworkLink
from tests.servers.tansu import QUIET, Tansu

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def message(number, text="{}", key=""):
    """One of a relay."""
    return Message(number, f"log/{number}", key or f"a.B:{number}", "post_save", "2026-11-29T05:00:00Z", text.encode())


# --- files ----------------------------------------------------------------------------------------


def test_a_file_gets_lines(tmp_path, relay):
    """Each is whole: half a line of a killed process is ended first. A file that was rotated away is left alone."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"half')
    make_event()
    relay("siem", "--once", sink="file", url=f"file://{path}", format="json", filters="model:User")
    lines = path.read_bytes().splitlines()
    assert lines[0] == b'{"half'
    assert json.loads(lines[1])["sender"] == "auth.User"
    assert path.read_bytes().endswith(b"}\n")
    sink = file.File(parse("x", {"sink": "file", "url": str(path)}))
    first, second = message(1), message(2)
    assert sink.send([first]).taken == [first]
    path.rename(tmp_path / "log.1")
    assert sink.send([second]).taken == [second]
    assert path.read_bytes() == b"{}\n"
    sink.close()


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    """The file is as long as before, the reason is said, and the same comes again."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"{}\n")
    sink, write = file.File(parse("x", {"sink": "file", "url": str(path)})), os.write

    def full(number, content):
        if len(content) < 3:
            raise OSError(28, "No space left on device")
        return write(number, content[:2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        delivery = sink.send([message(1, '{"a":1}')])
    assert (delivery.taken, delivery.problem) == ([], "It could not be written: No space left on device.")
    assert path.read_bytes() == b"{}\n"
    assert sink.send([message(1)]).problem == ""
    sink.close()
    missing = file.File(parse("x", {"sink": "file", "url": str(tmp_path / "no" / "x")}))
    assert missing.send([message(1)]).problem == "It could not be written: No such file or directory."


# --- syslog ---------------------------------------------------------------------------------------


def test_syslog_is_rfc_5424():
    """With its length in bytes before it; signals of any name fit into its header."""
    made = syslog.framed(message(7, '{"name":"zoë"}'), "web 1.example")
    length, _, text = made.partition(b" ")
    assert int(length) == len(text)
    head = rf"<110>1 2026-11-29T05:00:00Z web1\.example signal_log {os.getpid()} post_save - "
    assert re.fullmatch(head.encode() + b'\xef\xbb\xbf{"name":"zo\xc3\xab"}', text)
    odd = Message(1, "u", "k", "a b.c\n" + "d" * 40, "2026-11-29T05:00:00Z", b"{}")
    assert b" " + b"d" * 32 + b" - " in syslog.framed(odd, "")


def test_syslog_by_tls(tmp_path):
    """All that was read to its end counts; a certificate that nobody trusts is refused."""
    pem = certificate(tmp_path)
    server = Syslog(server_context(pem))
    batch = [message(number) for number in range(50)]
    try:
        trusting = syslog.Syslog(parse("x", {"sink": "syslog", "url": server.url, "ca": str(pem)}))
        assert trusting.send(batch).taken == batch
        assert len(server.got) == 50
        wary = syslog.Syslog(parse("x", {"sink": "syslog", "url": server.url}))
        assert "Its certificate is not trusted here" in wary.send(batch).problem
    finally:
        server.kill()


def test_syslog_that_dies_before_it_has_read_all():
    """What was only written, and never read, does not count."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def die():
            line, _ = listener.accept()
            line.recv(10)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.close()

        thread = Thread(target=die)
        thread.start()
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        delivery = syslog.Syslog(parse("x", {"sink": "syslog", "url": url})).send([message(1), message(2)])
        thread.join()
    assert delivery.taken == []
    assert delivery.problem.startswith("It could not be reached: ")


@pytest.mark.django_db(transaction=True)
def test_syslog_killed_under_load(relayed, outage):
    """Nothing is lost: a batch counts only when its receiver has read it to the end."""
    server = Syslog()
    relayed.receiver = syslog.Syslog(parse("siem", {"sink": "syslog", "url": server.url}))
    outage(relayed, server.kill, server.start)
    server.kill()
    ids = [int(json.loads(one.partition(b"\xef\xbb\xbf")[2])["id"]) for one in server.got]
    outage.check(ids)
    assert len(ids) - len({*ids}) <= RelayCursor.objects.get().failed * syslog.Syslog.most


# --- NATS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nats_server():
    with Nats("log.events") as server:
        yield server


@pytest.mark.django_db(transaction=True)
def test_nats_killed_under_load(relayed, outage, nats_server):
    """Each event is stored exactly once, as JetStream drops what it has, and each object keeps its order."""
    given = {"sink": "nats", "url": nats_server.url}
    relayed.receiver = sink_of(parse("siem", given), Event())
    outage(relayed, nats_server.kill, nats_server.start)
    stored = [one for one in nats_server.stored() if not one[0].startswith("log/")]  # what other tests have sent
    ids = [int(json.loads(content)["id"]) for _, content in stored]
    outage.check(ids)
    assert len(ids) == len({*ids})
    assert {name.rpartition("/")[2] for name, _ in stored} == {*map(str, ids)}


def test_nats_without_a_stream(nats_server):
    """It is said which command makes one; a message that is too large is refused for good."""
    sink = nats.Nats(parse("x", {"sink": "nats", "url": nats_server.url + ".other"}))
    assert sink.send([message(1)]).problem == (
        "No stream of NATS takes the subject 'log.events.other'; make one: nats stream add --subjects log.events.other."
    )
    sink.close()
    sink = nats.Nats(parse("x", {"sink": "nats", "url": nats_server.url}))
    large, small = message(1_000_001, "x" * 2_000_000), message(1_000_002)
    delivery = sink.send([large, small])
    assert (delivery.taken, delivery.refused) == ([small], [(large, "It is too large: 2,000,000 bytes.")])
    sink.close()


def test_waves_keep_the_order_of_a_key():
    """None has two messages of one key, and together they are the batch."""
    batch = [message(number, key=key) for number, key in enumerate("aabcab")]
    assert [[one.id for one in wave] for wave in nats._waves(batch)] == [[0], [1, 2, 3], [4, 5]]


# --- Kafka ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broker():
    links = []

    def advertise(port):
        links.append(NetworkLink(port))
        return links[0].port

    with Tansu("events", advertise) as server:
        server.link = links[0]
        yield server
    links[0].close()


@pytest.mark.django_db(transaction=True)
def test_kafka_gone_under_load(relayed, outage, broker):
    """Nothing is lost, and each object keeps its order.

    Its memory goes with the broker, so first the network does, and it is killed when all that it has was read.
    """
    url = f"kafka://127.0.0.1:{broker.link.port}/events"
    relayed.receiver = kafka.Kafka(parse("siem", {"sink": "kafka", "url": url, "options": {**QUICK, **QUIET}}), Event())
    got, over = [], Event()

    def consume():
        consumer = Direct(broker)
        while not over.is_set():
            got.extend(consumer.read())
        consumer.close()

    def stop():
        broker.link.cut()
        quiet = 0
        while quiet < 3:
            before = len(got)
            sleep(0.1)
            quiet = quiet + 1 if len(got) == before else 0
        broker.kill()

    def start():
        broker.start()
        broker.link.mend()
        broker.make_topic()

    reader = Thread(target=consume)
    reader.start()
    try:
        outage(relayed, stop, start)
        sleep(0.3)
    finally:
        over.set()
        reader.join(10)
    outage.check([number for number, _ in got])
    assert max(Counter(number for number, _ in got).values()) <= 2
    assert {key for _, key in got} == {f"auth.User:{number}" for number in range(7)}


QUICK = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200, "retry.backoff.ms": 50}


class Direct:
    """Reads the topic past the link, also of the broker that comes after this one."""

    def __init__(self, broker):
        self.broker = broker
        self.process, self.consumer = broker.process, broker.consumer()

    def read(self):
        if self.broker.process is not None and self.broker.process is not self.process:
            self.close()
            self.process, self.consumer = self.broker.process, self.broker.consumer()
        for one in self.consumer.consume(200, 0.1):
            if one.error() is None:
                yield int(dict(one.headers())["id"].decode().rpartition("/")[2]), one.key().decode()

    def close(self):
        self.consumer.close()


def test_kafka_that_is_not_there(monkeypatch):
    """It is said that nobody answers, before long; a message that is too large is refused for good."""
    monkeypatch.setattr(kafka, "CONNECTING", 0.3)
    sink = kafka.Kafka(parse("x", {"sink": "kafka", "url": "kafka://127.0.0.1:1/events", "options": QUIET}), Event())
    kafka_problem = sink.send([message(1)]).problem
    assert "Connect" in kafka_problem or "brokers are down" in kafka_problem
    large = message(2, "x" * 2_000_000)
    assert sink.send([large]).refused == [(large, "It is too large for the producer: 2,000,000 bytes.")]
    sink.close()
