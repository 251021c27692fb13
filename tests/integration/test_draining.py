"""How a web process of the reference installation stops: nothing new, what is open is finished, and then it goes."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.servers.daphne import Daphne
from tests.servers.process import free_port

SLOW = {"SECRET_KEY": "x" * 60, "BEHIND_PROXY": "1"}


@pytest.fixture
def web() -> Iterator[Daphne]:
    """A process behind a proxy, which listens on a port of its own besides."""
    port = free_port()
    own = ("--endpoint", f"tcp:port={port}:interface=127.0.0.1")
    with Daphne(SLOW, arguments=own, application="tests.servers.slow:application") as running:
        running.port = port
        yield running


def connected(web: Daphne) -> http.client.HTTPConnection:
    """Return an open connection on which a request has been answered, as a proxy keeps some."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    connection.request("GET", "/slow/?0")
    answer = connection.getresponse()
    assert (answer.read(), answer.getheader("Connection")) == (b"0", None)
    return connection


def refuses(web: Daphne) -> bool:
    """Return whether nobody listens any more."""
    try:
        socket.create_connection(("127.0.0.1", web.port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_stop_finishes_what_is_open(web: Daphne) -> None:
    """What is in flight, half sent, or sent on a connection that was idle is answered; what never ends is cut."""
    running, half_sent, idle, unused, endless = (connected(web) for _ in range(5))
    with closing(running), closing(half_sent), closing(idle), closing(unused), closing(endless):
        running.request("POST", "/slow/?0.6", body=b"x" * 100_000)
        endless.request("GET", "/slow/?60")
        half_sent.putrequest("POST", "/slow/?0")
        half_sent.putheader("Content-Length", "4")
        half_sent.endheaders(b"ha")
        time.sleep(0.1)
        assert web.process
        web.process.send_signal(web.stop_signal)
        began = time.monotonic()
        while not refuses(web):
            assert time.monotonic() < began + 5
            time.sleep(0.02)
        half_sent.send(b"lf")
        idle.request("POST", "/slow/?0", body=b"new")
        for connection, body in ((half_sent, b"4"), (idle, b"3"), (running, b"100000")):
            answer = connection.getresponse()
            assert (answer.status, answer.getheader("Connection"), answer.read()) == (200, "close", body)
        assert web.process.poll() is None
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            endless.getresponse()
        assert web.process.wait(5) == 0
    assert "Stopping with 1 requests unfinished" in web.log_text()
