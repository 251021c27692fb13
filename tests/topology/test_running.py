"""The topology of docker-compose.yml as plain processes: what happens in one process is seen in the other."""

import socket
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.servers.caddy import CHECK_SECONDS, Caddy
from tests.servers.daphne import ROOT, Daphne, manage
from tests.servers.daphne import environment as process_environment
from tests.servers.mail import MailCatcher
from tests.servers.postgres import Postgres, psql
from tests.servers.process import free_port
from tests.servers.valkey import Valkey
from tests.servers.visitor import Visitor
from tests.topology import compose

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


SEAL = "/seal"
"""Where the containers have the key that signs."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start the services of the compose file in its order, with its environment and its commands."""
    folder = tmp_path_factory.mktemp("project")
    secrets = compose.make_secrets(folder)
    with ExitStack() as stack:
        db, layer = stack.enter_context(Postgres()), stack.enter_context(Valkey())
        mail = stack.enter_context(MailCatcher())
        (folder / "deploy" / "secrets" / "email_url").write_text(mail.url)
        ours = {"/run/secrets": str(folder / "deploy" / "secrets")}
        ours |= {"db:5432": f"127.0.0.1:{db.port}", "layer:6379": f"127.0.0.1:{layer.port}"}
        ours |= {SEAL: str(tmp_path_factory.mktemp("seal"))}
        environment = outside("web1", ours)
        environment |= {
            "DEBUG": "0",  # unset in the compose file; the tests' default is for development
            "SECRET_KEY": "",  # the same; it is in a file
            "DJANGO_SETTINGS_MODULE": "tests.topology.settings",
            "TOPOLOGY_STATIC_ROOT": str(tmp_path_factory.mktemp("static")),
        }
        make_database(db, secrets)
        make_roles(db, secrets)
        prepare(environment, environment | outside("migrate", ours) | {"SECRET_KEY": ""}, ours[SEAL])
        ports = {name: free_port() for name in compose.WEB}
        upstreams = {f"{name}:8000": f"localhost:{port}" for name, port in ports.items()}
        proxy = Caddy(compose.ROOT / "deploy" / "Caddyfile", upstreams, outside("proxy", ours))
        running = Site(db, layer, mail, stack.enter_context(proxy), port=ports)
        for name, port in ports.items():
            own = ("--proxy-headers", "--endpoint", f"tcp:port={port}:interface=127.0.0.1")
            running.web[name] = stack.enter_context(Daphne(environment, arguments=own))
        assert eventually(lambda: proxy.status("/accounts/login/") == 200)
        yield running


def outside(service: str, ours: dict[str, str]) -> dict[str, str]:
    """Return the environment of a service, with our addresses and folders in the place of the containers'."""
    environment = compose.environment(service, compose.example())
    for theirs, our in ours.items():
        environment = {name: value.replace(theirs, our) for name, value in environment.items()}
    return environment


def prepare(environment: dict[str, str], for_migrations: dict[str, str], seal: str) -> None:
    """Do what the image's build, the one-shot service `migrate` and the first administrator did."""
    *shell, line = compose.services()["migrate"]["command"]
    migrate = [*shell, line.replace(SEAL, seal).replace("python ", f"{sys.executable} ")]
    username, password = ADMIN
    superuser = {"DJANGO_SUPERUSER_USERNAME": username, "DJANGO_SUPERUSER_PASSWORD": password}
    superuser["DJANGO_SUPERUSER_EMAIL"] = "observer@example.org"
    with ThreadPoolExecutor() as at_once:
        collected = at_once.submit(manage, "collectstatic", "--no-input", env=environment)
        subprocess.run(migrate, cwd=ROOT, env=process_environment(for_migrations), check=True, capture_output=True)
        assert (Path(seal) / "log.key").exists()
        manage("createsuperuser", "--no-input", env=environment | superuser)
        collected.result()


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


def is_ready(web: Daphne) -> bool:
    """Return whether the answer is what the compose file's health check expects."""
    return web.status("/readyz") == 200


def test_both_processes_pass_the_health_check(site: Site) -> None:
    """Both processes become ready, even while a connection is open and idle."""
    for name in compose.WEB:
        with closing(socket.create_connection(("127.0.0.1", site.port[name]))):
            assert eventually(partial(is_ready, site.web[name]))  # the health check also asks repeatedly


def test_a_registration_in_one_process_is_seen_in_the_other_within_a_second(site: Site) -> None:
    """The user and its profile arrive in one trace, with cause and client address."""
    with site.observer("web2").listen() as page:
        started = time.monotonic()
        site.visitor("web1").register("ada")
        registered = time.monotonic()
        user = page.event("post_save", "auth.User", "ada")
        profile = page.event("post_save", "users.Profile", "ada")
        assert time.monotonic() - registered < 1 or time.monotonic() - started < 2
        assert profile["trace_id"] == user["trace_id"]
        assert profile["caused_by"]
        assert profile["position"] > profile["parent_position"]
        assert user["remote_addr"] == "198.51.100.7"


def test_the_welcome_mail_reaches_the_catcher(site: Site) -> None:
    """Registering sends a mail through the configured server."""
    site.visitor().register("grace")
    assert eventually(lambda: any("grace@example.org" in mail["To"] for mail in site.mail.mails))


def test_the_proxy_says_who_asks_and_hides_what_is_not_for_everybody(site: Site) -> None:
    """Nobody chooses his own address, the access log has it, and other sites, metrics and checks show nothing."""
    liar = Visitor(f"http://localhost:{site.proxy.port}", {"X-Forwarded-For": "203.0.113.9"})
    with site.observer().listen() as page:
        liar.register("mallory")
        assert page.event("post_save", "users.Profile", "mallory")["remote_addr"] == "127.0.0.1"
    site.visitor("web1").get("/accounts/login/")
    lines = "".join(web.log_text() for web in site.web.values())
    assert '198.51.100.7:0 "GET /accounts/login/" 200' in lines
    assert "203.0.113.9" not in lines
    assert "/healthz" not in lines
    assert [site.proxy.status("/", host) for host in ("other.example.org", "127.0.0.1")] == [421, 421]
    assert site.proxy.status("/metrics") == 404


def test_nobody_notices_a_restart_of_the_other_process(site: Site) -> None:
    """A page keeps receiving events, and people register, while the other process restarts and afterwards."""
    registered: list[str] = []
    restarted = threading.Event()

    def keep_registering() -> None:
        while not restarted.is_set():
            name = f"edsger{len(registered)}"
            site.visitor().register(name)
            registered.append(name)
            time.sleep(0.1)  # not as many as registration refuses

    with site.observer("web2").listen() as page, ThreadPoolExecutor() as at_once:
        people = at_once.submit(keep_registering)
        try:
            assert site.web["web1"].terminate() == 0
        finally:
            site.web["web1"].start()
            restarted.set()
        people.result()
        assert registered
        page.event("post_save", "users.Profile", registered[-1])
        site.visitor("web1").register("barbara")
        page.event("post_save", "users.Profile", "barbara")


def test_a_page_whose_process_restarts_misses_nothing_and_gets_nothing_twice(site: Site) -> None:
    """Resuming by cursor after the restart brings every event exactly once."""
    observer = site.observer("web1")
    with observer.listen() as before:
        site.visitor("web2").register("alan")
        before.event("post_save", "users.Profile", "alan")
        site.web["web1"].terminate()
        assert before.closed(15) in (1006, 1012)
    site.visitor("web2").register("tony")
    site.web["web1"].start()
    with observer.listen(after=before.cursor) as after:
        after.event("post_save", "users.Profile", "tony")
        site.visitor("web1").register("niklaus")
        after.event("post_save", "users.Profile", "niklaus")
    seen = [event["id"] for event in before.events + after.events]
    assert len(seen) == len(set(seen))
    with psycopg.connect(site.db.url("observatory")) as connection:
        rows = connection.execute(
            "SELECT id FROM signal_log_signalevent WHERE id BETWEEN %s AND %s", (min(seen), max(seen))
        )
        assert sorted(seen) == sorted(row[0] for row in rows)


def test_the_site_works_without_the_layer(site: Site) -> None:
    """While Valkey is down people register and pages receive their events, also once the proxy has noticed."""
    site.layer.kill()
    try:
        time.sleep(3 * CHECK_SECONDS)
        with site.observer().listen() as page:
            site.visitor().register("donald")
            page.event("post_save", "users.Profile", "donald")
            assert site.web["web1"].status("/readyz") == 200
            site.layer.start()
            site.visitor().register("leslie")
            page.event("post_save", "users.Profile", "leslie")
    finally:
        if site.layer.process is None:
            site.layer.start()


def test_without_the_database_the_site_says_so(site: Site) -> None:
    """People see the page for outages, also once the proxy has noticed; the processes recover with the database."""
    observer = site.observer()
    site.db.kill()
    try:
        assert eventually(lambda: site.web["web1"].status("/readyz") == 503)
        time.sleep(3 * CHECK_SECONDS)
        with pytest.raises(urllib.error.HTTPError) as refused:
            observer.get("/events/")
        assert refused.value.code == 503
        assert "The database is not responding" in refused.value.read().decode()
    finally:
        site.db.start()
    assert eventually(lambda: all(web.status("/readyz") == 200 for web in site.web.values()))
    with site.observer("web2").listen() as page:
        site.visitor().register("frances")
        page.event("post_save", "users.Profile", "frances")
