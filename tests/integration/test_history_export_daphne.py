"""An export under a real daphne is complete for its reader, waits for a slow one, and is cut if the permission ends."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from signal_log.models import SignalEvent
from tests.exports import parts
from tests.factories import event_value

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne

EVENTS = 2_500
WIDE = "x" * 8_000
"""About 20 MB in all, more than the sockets between two processes can buffer."""

pytestmark = pytest.mark.one_database


@pytest.fixture
def log(transactional_db: None) -> list[int]:
    """Create many wide events."""
    value = event_value(changes={"bio": [None, WIDE]})._asdict()
    made = SignalEvent.objects.bulk_create((SignalEvent(**value) for _ in range(EVENTS)), batch_size=500)
    return [event.pk for event in made]


@contextmanager
def open_response(server: Daphne, session: Any, path: str) -> Iterator[http.client.HTTPResponse]:
    """Open a response without reading its body; the connection ends with the block."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request("GET", path, headers={"Cookie": f"sessionid={session.session_key}"})
        with connection.getresponse() as answer:
            assert answer.status == 200
            yield answer


def test_a_reader_gets_everything_while_the_site_keeps_answering(log: list[int], server: Daphne, session: Any) -> None:
    """The hash is right; the server waits for a slow reader without making other pages wait."""
    with open_response(server, session, f"/events/?format=jsonl&after={log[0] - 1}&before={log[-1] + 1}") as answer:
        text = answer.readline()
        time.sleep(1.5)
        assert "exported" not in server.log_text()
        assert server.status("/healthz") == 200
        text += answer.read()
    _, events, end = parts(text)
    assert [event["id"] for event in events[::249]] == log[::249]
    assert end["events"] == EVENTS
    server.wait_until(lambda: f"exported {EVENTS} events" in server.log_text())


def test_a_reader_who_leaves_ends_the_work(log: list[int], server: Daphne, session: Any) -> None:
    """The server stops reading the log."""
    with open_response(server, session, "/events/?format=csv") as answer:
        answer.readline()
    server.wait_until(lambda: "grace disconnected from an export (csv)" in server.log_text())
    assert server.status("/healthz") == 200


def test_a_reader_who_logs_out_has_a_file_that_is_not_whole(log: list[int], server: Daphne, session: Any) -> None:
    """The connection is cut, which every client notices, and the file has no end marker."""
    with open_response(server, session, "/events/?format=jsonl") as answer:
        answer.readline()
        session.delete()
        time.sleep(1)  # this server checks the permission every half a second
        with pytest.raises(http.client.IncompleteRead) as cut:
            answer.read()
    assert b'"end":{' not in cut.value.partial
    assert "failed after" in server.log_text()
    assert server.status("/healthz") == 200
