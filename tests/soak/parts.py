"""The parts of the installation, each a real process that can be ended and started again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.integration.relay.receivers import certificate, server_context
from tests.servers.caddy import Caddy
from tests.servers.daphne import ROOT, Daphne, environment, manage
from tests.servers.postgres import Postgres
from tests.servers.process import Server, free_port
from tests.servers.valkey import Valkey
from tests.soak.receiver import Receiver

SETTINGS = "tests.soak.settings"
DATABASE = "soak"
WITNESS = "witness.example/soak"
LONGEST_START = 180.0
"""Seconds; a machine may be busy."""


class Killable(Protocol):
    """What can be ended and started again."""

    def kill(self) -> None: ...

    def start(self) -> None: ...


class Command(Server):
    """A management command that runs until it is ended; it is there once its log says so."""

    def __init__(self, name: str, arguments: tuple[str, ...], env: Mapping[str, str], says: str = "") -> None:
        super().__init__(name)
        self._command = [sys.executable, "manage.py", *arguments]
        self._env = dict(env)
        self._says = says
        self.begin()

    def start(self) -> None:
        """Start it, and wait for what it says, if it has to say something."""
        before = len(self.log_text())
        self.launch(self._command, env=environment(self._env), cwd=ROOT)
        if self._says:
            self.wait_until(lambda: self._says in self.log_text()[before:], LONGEST_START)


@dataclass
class Installation:
    """Everything, running."""

    database: Postgres
    receiver: Receiver
    environment: dict[str, str]
    parts: dict[str, Killable] = field(default_factory=dict)
    """By name, in the order in which they are started after all were killed."""
    web_ports: dict[str, int] = field(default_factory=dict)

    @property
    def servers(self) -> dict[str, Server]:
        """The parts that are processes."""
        return {name: part for name, part in self.parts.items() if isinstance(part, Server)}

    @property
    def proxy(self) -> Caddy:
        """The address of the site."""
        found = self.parts["caddy"]
        assert isinstance(found, Caddy)
        return found

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the installation; whatever it ends with."""
        return manage(*arguments, env=self.environment, check=False)


def installed(folder: Path, stack: ExitStack) -> Installation:
    """Bring everything up; ``stack`` ends it."""
    database, valkey = stack.enter_context(Postgres(durable=True)), stack.enter_context(Valkey())
    database.stop_signal = signal.SIGQUIT  # what PostgreSQL calls an immediate shutdown: it recovers when it starts
    pem = certificate(folder)
    receiver = Receiver(server_context(pem))
    stack.callback(receiver.kill)
    env = {
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "DEBUG": "0",
        "DATABASE_URL": database.create_database(DATABASE),
        "REDIS_URL": valkey.url,
        "EMAIL_URL": "dummymail://",
        "BEHIND_PROXY": "1",
        "TRUSTED_PROXIES": "1",
        "SEAL_KEYS": str(folder / "log.key"),
        "SEAL_ORIGIN": "log.example/soak",
        "RELAYS": json.dumps({"siem": _relay(receiver.url, pem)}),
    }
    manage("migrate", env=env)
    manage("signal_seal", "init", env=env)
    witness = _witness(folder, _key_of_log(env), env, stack)
    found = Installation(database, receiver, env)
    ports = {name: free_port() for name in ("web1", "web2")}
    upstreams = {f"{name}:8000": f"localhost:{port}" for name, port in ports.items()}
    proxy = Caddy(ROOT / "deploy" / "Caddyfile", upstreams, {"SITE_ADDRESS": "http://localhost"}, quick=False)
    found.parts |= {"postgres": database, "valkey": valkey, "receiver": receiver, "witness": witness}
    found.parts["caddy"] = stack.enter_context(proxy)
    for name, port in ports.items():
        own = ("--proxy-headers", "--endpoint", f"tcp:port={port}:interface=127.0.0.1")
        found.parts[name] = web = stack.enter_context(Daphne(env, arguments=own))
        web.seconds_to_start = LONGEST_START
        found.web_ports[name] = port
    found.parts["relay"] = stack.enter_context(Command("relay", ("signal_relay", "siem"), env))
    proxy.wait_until(lambda: proxy.status("/accounts/login/") == 200)
    return found


def _relay(url: str, certificates: Path) -> dict[str, str]:
    secret = "whsec_c29hay1zb2FrLXNvYWstc29haw=="
    return {"sink": "webhook", "url": url, "ca": str(certificates), "secret": secret, "format": "json"}


def _key_of_log(env: Mapping[str, str]) -> str:
    return manage("signal_seal", "vkey", env=env).stdout.split()[0]


def _witness(folder: Path, key_of_log: str, env: dict[str, str], stack: ExitStack) -> Command:
    """Start the witness, which has a database and a key of its own, and have the installation know it."""
    key, port = str(folder / "witness.key"), free_port()
    own = {"DJANGO_SETTINGS_MODULE": SETTINGS, "DEBUG": "1", "DATABASE_URL": f"sqlite:///{folder / 'witness.sqlite3'}"}
    manage("migrate", env=own)
    made = manage("signal_witness", "init", WITNESS, "--key", key, "--trust", key_of_log, env=own)
    known = {"url": f"http://127.0.0.1:{port}", "vkey": made.stdout.split()[0]}
    env |= {"WITNESSES": json.dumps([known]), "WITNESS_QUORUM": "1"}
    serve = ("signal_witness", "serve", "--key", key, "--listen", f"127.0.0.1:{port}")
    return stack.enter_context(Command("witness", serve, own, "answers on"))


def people(installation: Installation, count: int) -> list[str]:
    """Make so many people who may see events, and return the cookies of their sessions."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.live.prepare", str(count)],
        cwd=ROOT, env=environment(installation.environment), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


class Pages:
    """The process of the open pages, which does as it is told."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.sockets"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def tell(self, do: str, **order: Any) -> dict[str, Any]:
        """Give an order and wait for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"The open pages ended at {do!r}; see their error above.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it, and with it all sockets."""
        self.process.kill()
        self.process.communicate()


class Traffic(Server):
    """The process of the people, who go on whatever happens."""

    def __init__(self, env: Mapping[str, str], rate: float, seed: int) -> None:
        super().__init__("traffic")
        self._env = dict(env)
        self._words = [str(rate), str(seed)]
        self.begin()

    def start(self) -> None:
        """Start it."""
        self.launch([sys.executable, "-m", "tests.soak.traffic", *self._words], env=environment(self._env), cwd=ROOT)

    def finish(self) -> dict[str, int]:
        """Let it end, and return how many actions were done, and how many failed."""
        self.terminate(30)
        lines = self.log_text().splitlines()
        found: dict[str, int] = json.loads(lines[-1])
        return found
