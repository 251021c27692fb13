"""A service of docker-compose.yml that is built here, as a plain process: its command, environment and health check."""

import subprocess
import sys
import time
from collections.abc import Mapping

from tests.servers.daphne import ROOT
from tests.servers.daphne import environment as process_environment
from tests.servers.process import Server
from tests.topology import compose


class Service(Server):
    """Runs the command of the service, and is there when it passes its health check.

    ``ours`` is what stands here for the containers' addresses and folders.
    """

    def __init__(self, service: str, ours: Mapping[str, str]) -> None:
        super().__init__(service)
        self.ours = ours
        self.env = environment_of(service, ours) | {"TMPDIR": str(self.folder)}
        self.begin()

    def start(self) -> None:
        """Start it, also again after `kill()`."""
        self.launch(words(self.name, self.ours), env=process_environment(self.env), cwd=ROOT)
        self.wait_until(self._is_healthy_now, 180)

    def is_healthy(self) -> bool:
        """Return whether the health check passes."""
        check, env = words(self.name, self.ours, health=True), process_environment(self.env)
        return not subprocess.run(check, env=env, cwd=ROOT, capture_output=True, check=False).returncode

    def _is_healthy_now(self) -> bool:
        time.sleep(0.3)  # each check is a process
        return self.is_healthy()


def environment_of(service: str, ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with which a service that is built here runs as a process."""
    given = outside(service, ours)
    # Both are unset in the compose file, and the tests' defaults are for development.
    given |= {"DEBUG": "0", "SECRET_KEY": "", "DJANGO_SETTINGS_MODULE": "tests.topology.settings"}
    return given | {"TOPOLOGY_STATIC_ROOT": ours["/static/"]}


def outside(service: str, ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a service, with our addresses and folders in the place of the containers'."""
    return {name: ours_of(text, ours) for name, text in compose.environment(service, compose.example()).items()}


def words(service: str, ours: Mapping[str, str], *, health: bool = False) -> list[str]:
    """Return the words of a service's command, or of its health check, in the same way."""
    return [ours_of(word, ours) for word in compose.command(service, compose.example(), health=health)]


def ours_of(text: str, ours: Mapping[str, str]) -> str:
    """Return a text of the compose file with our addresses, folders and programs."""
    for theirs, our in ours.items():
        text = text.replace(theirs, our)
    text = sys.executable if text == "python" else text.replace("python manage.py", f"{sys.executable} manage.py")
    return text.replace("exec daphne", f"exec {sys.executable} -m daphne")
