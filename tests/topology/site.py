"""The whole deployment of docker-compose.yml as plain processes: environment and commands are those of its services."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.servers.caddy import Caddy
from tests.servers.daphne import ROOT, Daphne, manage
from tests.servers.daphne import environment as process_environment
from tests.servers.mail import MailCatcher
from tests.servers.postgres import Postgres, psql
from tests.servers.process import free_port
from tests.servers.valkey import Valkey
from tests.servers.visitor import Visitor
from tests.topology import compose
from tests.topology.service import Service, environment_of, ours_of, outside, words

ADMIN = ("observer", "long enough for an observer")
# The proxy of the compose file writes these into each request, and this is how a process is asked without it.
FORWARDED = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "http"}


@dataclass
class Site:
    """Everything that the compose file names, running."""

    db: Postgres
    layer: Valkey
    mail: MailCatcher
    proxy: Caddy
    ours: dict[str, str]
    """What stands here for the containers' addresses and folders."""
    witness: Service
    web: dict[str, Daphne] = field(default_factory=dict)
    port: dict[str, int] = field(default_factory=dict)

    def visitor(self, name: str | None = None) -> Visitor:
        """Return a visitor of the site, or of one of its processes."""
        if name is None:
            return Visitor(f"http://localhost:{self.proxy.port}")
        return Visitor(f"http://localhost:{self.port[name]}", FORWARDED)

    def observer(self, name: str | None = None) -> Visitor:
        """Return the administrator, logged in."""
        visitor = self.visitor(name)
        visitor.log_in(*ADMIN)
        return visitor


VOLUMES = ("relay", "seal", "small", "static", "witness")
"""What the processes built here write to, each below the folder of its name; the archive is `/archive` itself."""
VERIFIER_KEY = re.compile(r"[^\s\"]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*")


def start(stack: ExitStack, made: Callable[[str], Path]) -> Site:
    """Start the services in their order, but for those that only one test needs: relay, archive and small."""
    folder = made("project")
    secrets = compose.make_secrets(folder, profiles="relay,archive,witness")
    db, layer = stack.enter_context(Postgres()), stack.enter_context(Valkey())
    mail = stack.enter_context(MailCatcher())
    port = {name: free_port() for name in (*compose.WEB, "witness")}
    ours = {f"/{name}/": f"{made(name)}/" for name in VOLUMES}
    ours |= {"/archive": str(made("archive"))}
    ours |= {"/run/secrets": str(folder / "deploy" / "secrets"), "0.0.0.0": "127.0.0.1"}  # noqa: S104  the containers'
    ours |= {"db:5432": f"127.0.0.1:{db.port}", "layer:6379": f"127.0.0.1:{layer.port}", "8765": str(port["witness"])}
    (folder / "deploy" / "secrets" / "email_url").write_text(mail.url)
    relays = folder / "deploy" / "secrets" / "relays"
    relays.write_text(ours_of(relays.read_text(), ours))
    upstreams = {f"{name}:8000": f"localhost:{port[name]}" for name in compose.WEB}
    upstreams["witness:8765"] = f"localhost:{port['witness']}"
    proxy = Caddy(compose.ROOT / "deploy" / "Caddyfile", upstreams, outside("proxy", ours))
    stack.enter_context(proxy)
    make_database(db, secrets)
    make_roles(db, secrets)
    with ThreadPoolExecutor() as at_once:
        witness = at_once.submit(Service, "witness", ours)
        key = prepare(environment_of("web1", ours), environment_of("migrate", ours), ours)
        stack.enter_context(witness.result())
    manage("signal_witness", "trust", key, env=witness.result().env)
    trusted = VERIFIER_KEY.search(witness.result().log_text())
    assert trusted
    witnesses = [{"url": f"http://localhost:{proxy.port}/witness", "vkey": trusted[0]}]
    environment = environment_of("web1", ours) | {"WITNESSES": json.dumps(witnesses)}
    running = Site(db, layer, mail, proxy, ours, witness.result(), port=port)
    for name in compose.WEB:
        own = ("--proxy-headers", "--endpoint", f"tcp:port={port[name]}:interface=127.0.0.1")
        running.web[name] = stack.enter_context(Daphne(environment, arguments=own))
    assert eventually(lambda: proxy.status("/accounts/login/") == 200)
    return running


def prepare(environment: dict[str, str], for_migrations: dict[str, str], ours: dict[str, str]) -> str:
    """Do what image, service `migrate` and first administrator do; return what verifies the log's checkpoints."""
    username, password = ADMIN
    superuser = {"DJANGO_SUPERUSER_USERNAME": username, "DJANGO_SUPERUSER_PASSWORD": password}
    superuser["DJANGO_SUPERUSER_EMAIL"] = "observer@example.org"
    with ThreadPoolExecutor() as at_once:
        collected = at_once.submit(manage, "collectstatic", "--no-input", env=environment)
        done = subprocess.run(
            words("migrate", ours),
            cwd=ROOT,
            env=process_environment(for_migrations),
            check=True,
            capture_output=True,
            text=True,
        )
        assert (Path(ours["/seal/"]) / "log.key").exists()
        manage("createsuperuser", "--no-input", env=environment | superuser)
        collected.result()
    key = VERIFIER_KEY.search(done.stdout)
    assert key
    return key[0]


def make_database(db: Postgres, secrets: dict[str, str]) -> None:
    """Do what the image of PostgreSQL does with its environment."""
    given = compose.environment("db", {})
    user, name = (psycopg.sql.Identifier(given[f"POSTGRES_{what}"]) for what in ("USER", "DB"))
    password = psycopg.sql.Literal(secrets["postgres_password"])
    with psycopg.connect(db.url(), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(user, password))
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {} OWNER {}").format(name, user))


def make_roles(db: Postgres, secrets: dict[str, str]) -> None:
    """Do what the one-shot service `roles` does."""
    command = compose.services()["roles"]["command"]
    assert command[-1] == "--file=/roles.sql"
    user, name = (word.partition("=")[2] for word in command[3:5])
    passwords = {f"{role}_PASSWORD": secrets[f"{role.lower()}_password"] for role in ("OWNER", "APP")}
    address = f"postgres://{user}:{secrets['postgres_password']}@127.0.0.1:{db.port}/{name}"
    psql(address, compose.ROOT / "deploy" / "roles.sql", passwords)


def eventually(condition: Callable[[], bool], seconds: float = 15) -> bool:
    """Return whether the condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
