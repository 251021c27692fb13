"""The newcomer's project under the servers that docs/how-to/use-gunicorn-or-uvicorn.md names and that are here."""

from __future__ import annotations

import re
import shlex
import socket
import sys
from pathlib import Path

import pytest

from tests.newcomer import ROOT, Newcomer
from tests.servers.process import Server, free_port
from tests.servers.visitor import Visitor

PAGE = (ROOT / "docs" / "how-to" / "use-gunicorn-or-uvicorn.md").read_text()
NAME, PASSWORD = "root", "a long enough one"
PREPARE = f"""
from django.contrib.auth.models import User
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
User.objects.create_superuser({NAME!r}, password={PASSWORD!r})
"""


class Serving(Server):
    """One of the page's commands, on a port of its own."""

    def __init__(self, project: Newcomer, command: str) -> None:
        super().__init__(command.partition(" ")[0])
        self.project, self.command, self.port = project, command, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.begin()

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        words = [word for word in shlex.split(self.command.replace("-p 8000", "")) if word]
        self.launch(
            [sys.executable, "-m", *words, "--port", str(self.port)], env=self.project.env, cwd=self.project.folder
        )
        self.wait_until(self._accepts, 60)

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def project(wheel: Path, tmp_path: Path) -> Newcomer:
    """The README's project as a server runs it, with the page's settings for static files."""
    made = Newcomer(tmp_path, wheel)
    made.follow_the_readme()
    (static,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    made.append("mysite/settings.py", f'{static}\nDEBUG = False\nALLOWED_HOSTS = ["127.0.0.1"]\n')
    made.succeed("manage.py", "shell", "--no-imports", "--command", PREPARE)
    return made


def test_servers(project: Newcomer) -> None:
    """Pages, static files and the live page's websocket work under daphne and under uvicorn with two workers."""
    for name in ("daphne", "uvicorn"):
        command = re.findall(rf"^{name} .*mysite.*$", PAGE, re.MULTILINE)[0]
        with Serving(project, command) as server:
            ada, again = Visitor(server.url), Visitor(server.url)
            ada.submit("/admin/login/", username=NAME, password=PASSWORD, next="/signals/")
            style = re.findall(r'href="(/static/[^"]+\.css)"', ada.get("/signals/"))[0]
            assert "{" in ada.get(style)
            with ada.listen() as live:
                again.submit("/admin/login/", username=NAME, password=PASSWORD, next="/signals/")  # saves the user
                assert live.event("post_save", "auth.User", NAME)["source"] == "http"
