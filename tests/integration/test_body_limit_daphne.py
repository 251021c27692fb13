"""A real daphne answers at once to what is too large, whoever sends it, and goes on serving."""

from __future__ import annotations

import http.client
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

if TYPE_CHECKING:
    from tests.servers.daphne import Daphne

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]

HEAD = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\n"


def answer_to(server: Daphne, *pieces: bytes) -> bytes:
    """Return the first line of what comes back after these pieces, on a connection that stays open."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return connection.recv(4096).partition(b"\r\n")[0]


def test_it_is_answered_before_it_has_arrived(server: Daphne) -> None:
    """By its length alone, when its chunks become too much, and in words that a client can read which sends it all."""
    refused = f"HTTP/1.1 413 {HTTPStatus(413).phrase}".encode()
    assert answer_to(server, HEAD + b"Content-Length: 200000000\r\n\r\n") == refused
    chunks = [b"%x\r\n%s\r\n" % (2**20, b"x" * 2**20)] * 3
    assert answer_to(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *chunks) == refused
    for size, status in ((4 * settings.MAX_BODY_BYTES, 413), (settings.MAX_BODY_BYTES, 403)):
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        client.request("POST", "/accounts/login/", b"x" * size, {"Host": "localhost"})
        response = client.getresponse()
        assert response.status == status
        assert status == 403 or b"larger than this site takes" in response.read()
        client.close()
    assert server.status("/healthz") == 200
    assert server.log_text().count("larger than this site takes") == 3
