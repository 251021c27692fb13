"""A mail catcher that accepts every mail over SMTP and keeps it in memory."""

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self


class _Conversation(socketserver.StreamRequestHandler):
    """The part of SMTP that a client needs to hand over a mail."""

    def handle(self) -> None:
        self._say("220 catcher")
        while line := self.rfile.readline().strip().decode("ascii", "replace"):
            command = line.upper().split(" ")[0]
            if command == "DATA":
                self._say("354 go on")
                self._take()
            self._say("221 bye" if command == "QUIT" else "250 fine")
            if command == "QUIT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        catcher = self.server
        assert isinstance(catcher, _Listener)
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        catcher.mails.append(mail)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        super().__init__(("127.0.0.1", 0), _Conversation)


class MailCatcher:
    """A context manager: `url` is in the form of EMAIL_URL, `mails` holds what has arrived."""

    def __init__(self) -> None:
        self._listener = _Listener()
        self._thread = threading.Thread(target=self._listener.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the TCP port on 127.0.0.1."""
        return int(self._listener.server_address[1])

    @property
    def url(self) -> str:
        """Return the address in the form of EMAIL_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[EmailMessage]:
        """Return all mails caught so far."""
        return self._listener.mails

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join(5)
