"""The topology of docker-compose.yml as plain processes: what happens in one process is seen in the other."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial

import psycopg
import pytest

from tests.servers.daphne import Daphne, listen, manage
from tests.servers.mail import MailCatcher
from tests.servers.postgres import Postgres, psql
from tests.servers.process import free_port
from tests.servers.valkey import Valkey
from tests.servers.visitor import Visitor
from tests.topology import compose

SECRETS = {"SECRET_KEY": "for-this-test-only-" + "0123456789" * 5, "POSTGRES_PASSWORD": "0123456789abcdef"}
SECRETS |= {"OWNER_PASSWORD": "fedcba9876543210", "APP_PASSWORD": "0f1e2d3c4b5a6978"}
ADMIN = ("observer", "long enough for an observer")
# The proxy of the compose file adds these to each request.
FORWARDED = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "http"}


@dataclass
class Site:
    """Everything that the compose file names, running, and one port in front."""

    db: Postgres
    layer: Valkey
    mail: MailCatcher
    port: int
    web: dict[str, Daphne] = field(default_factory=dict)
    own_port: dict[str, int] = field(default_factory=dict)

    def visitor(self, name: str | None = None) -> Visitor:
        """Return a visitor at one of the processes, or at the port in front of both."""
        port = self.own_port[name] if name else self.port
        return Visitor(f"http://localhost:{port}", FORWARDED)

    def observer(self, name: str | None = None) -> Visitor:
        """Return the administrator, logged in."""
        visitor = self.visitor(name)
        visitor.log_in(*ADMIN)
        return visitor


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start the services of the compose file in its order, with its environment and its commands."""
    with ExitStack() as stack:
        db, layer = stack.enter_context(Postgres()), stack.enter_context(Valkey())
        mail, shared = stack.enter_context(MailCatcher()), stack.enter_context(closing(listen()))
        make_database(db)
        addresses = {"db:5432": f"127.0.0.1:{db.port}", "layer:6379": f"127.0.0.1:{layer.port}"}
        addresses |= {"mail:1025": f"127.0.0.1:{mail.port}"}
        environment = outside("web1", addresses)
        environment |= {
            "DEBUG": "0",  # unset in the compose file; the tests' default is for development
            "DJANGO_SETTINGS_MODULE": "tests.topology.settings",
            "TOPOLOGY_STATIC_ROOT": str(tmp_path_factory.mktemp("static")),
        }
        make_roles(db)
        prepare(environment, outside("migrate", addresses)["DATABASE_URL"])
        running = Site(db, layer, mail, int(shared.getsockname()[1]))
        for name in compose.WEB:
            running.own_port[name] = free_port()
            own = ("--endpoint", f"tcp:port={running.own_port[name]}:interface=127.0.0.1")
            running.web[name] = stack.enter_context(Daphne(environment, shared, own))
        yield running


def outside(service: str, addresses: dict[str, str]) -> dict[str, str]:
    """Return the environment of a service, with the addresses of our servers in the place of the containers'."""
    environment = compose.environment(service, compose.example() | SECRETS)
    for container, ours in addresses.items():
        environment = {name: value.replace(container, ours) for name, value in environment.items()}
    return environment


def prepare(environment: dict[str, str], for_migrations: str) -> None:
    """Do what the image's build, the one-shot service `migrate` and the first administrator did."""
    program, *migrate = compose.services()["migrate"]["command"][1:]
    assert program == "manage.py"
    username, password = ADMIN
    superuser = {"DJANGO_SUPERUSER_USERNAME": username, "DJANGO_SUPERUSER_PASSWORD": password}
    superuser["DJANGO_SUPERUSER_EMAIL"] = "observer@example.org"
    with ThreadPoolExecutor() as at_once:
        collected = at_once.submit(manage, "collectstatic", "--no-input", env=environment)
        manage(*migrate, env=environment | {"DATABASE_URL": for_migrations})
        manage("createsuperuser", "--no-input", env=environment | superuser)
        collected.result()


def make_database(db: Postgres) -> None:
    """Do what the image of PostgreSQL does with its environment."""
    given = compose.environment("db", SECRETS)
    user, name = (psycopg.sql.Identifier(given[f"POSTGRES_{what}"]) for what in ("USER", "DB"))
    password = psycopg.sql.Literal(given["POSTGRES_PASSWORD"])
    with psycopg.connect(db.url(), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(user, password))
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {} OWNER {}").format(name, user))


def make_roles(db: Postgres) -> None:
    """Do what the one-shot service `roles` does."""
    given, file = compose.environment("roles", SECRETS), compose.ROOT / "deploy" / "roles.sql"
    command = compose.services()["roles"]["command"]
    assert command[-1] == "--file=/roles.sql"
    user, name = (word.partition("=")[2] for word in command[3:5])
    psql(f"postgres://{user}:{given['PGPASSWORD']}@127.0.0.1:{db.port}/{name}", file, given)


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
        with closing(socket.create_connection(("127.0.0.1", site.own_port[name]))):
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


def test_a_page_survives_a_restart_of_the_other_process(site: Site) -> None:
    """A page keeps receiving events while the other process restarts and afterwards."""
    with site.observer("web2").listen() as page:
        code = site.web["web1"].terminate()
        try:
            assert code == 0
            site.visitor().register("edsger")
            page.event("post_save", "users.Profile", "edsger")
        finally:
            site.web["web1"].start()
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


def test_saves_and_pages_work_without_the_layer(site: Site) -> None:
    """While Valkey is down saves succeed and pages receive their events."""
    with site.observer("web2").listen() as page:
        site.layer.kill()
        try:
            site.visitor("web1").register("donald")
            page.event("post_save", "users.Profile", "donald")
        finally:
            site.layer.start()
        site.visitor("web1").register("leslie")
        page.event("post_save", "users.Profile", "leslie")


def test_readiness_follows_the_database(site: Site) -> None:
    """The processes are not ready while the database is down, and recover with it."""
    site.db.kill()
    try:
        assert eventually(lambda: site.web["web1"].status("/readyz") == 503)
    finally:
        site.db.start()
    assert eventually(lambda: all(web.status("/readyz") == 200 for web in site.web.values()))
    with site.observer("web2").listen() as page:
        site.visitor("web1").register("frances")
        page.event("post_save", "users.Profile", "frances")
