"""The topology of docker-compose.yml as plain processes: what happens in one process is seen in the other."""

import json
import socket
import threading
import time
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.servers.caddy import CHECK_SECONDS, Caddy
from tests.servers.daphne import Daphne
from tests.servers.process import free_port
from tests.servers.visitor import Visitor
from tests.topology import compose
from tests.topology.service import Service, outside
from tests.topology.site import Site, eventually, start

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything that runs without a profile."""
    with ExitStack() as stack:
        yield start(stack, tmp_path_factory.mktemp)


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


def test_the_relay_sends_what_happens(site: Site) -> None:
    """The service `relay` writes a line of what happens in a web process, and is not healthy without its process."""
    with Service("relay", site.ours) as relay:
        site.visitor("web1").register("sofya")
        sent = Path(site.ours["/relay/"]) / "signals.jsonl"
        assert eventually(lambda: "sofya" in sent.read_text())
        relay.terminate()
        assert not relay.is_healthy()


def test_the_witness_countersigns_the_log(site: Site) -> None:
    """The web processes reach the service `witness` at its public address, through the proxy."""
    observer = site.observer()
    size = json.loads(observer.get("/seals/?format=json"))["size"]
    site.visitor().register("emmy")

    def countersigned() -> bool:
        (witness,) = json.loads(observer.get("/seals/?format=json"))["witnesses"]
        return int(witness["size"] or 0) > size

    assert eventually(countersigned, 30)


def test_the_archive_is_written_at_once(site: Site) -> None:
    """The service `archive` archives when it starts, says so, and waits for the next day."""
    site.visitor().register("maryam")
    with Service("archive", site.ours) as archive:
        assert "Archived 0 events" in archive.log_text()
        assert archive.terminate() == 0
    assert (Path(site.ours["/archive"]) / "catalog.db").exists()


def test_the_small_deployment_needs_nothing_else(site: Site, tmp_path: Path) -> None:
    """The services `small-web` and `small` are a site with SQLite, a sealed log, and mails."""
    port = str(free_port())
    (tmp_path / "seal").mkdir()
    ours = {"small-web:8000": f"localhost:{port}"} | site.ours | {"8000": port, "/seal/": f"{tmp_path}/seal/"}
    with (
        Service("small-web", ours),
        Caddy(compose.ROOT / "deploy" / "Caddyfile", {}, outside("small", ours)) as proxy,
    ):
        assert eventually(lambda: proxy.status("/accounts/login/") == 200)
        Visitor(f"http://localhost:{proxy.port}").register("katherine")
        assert eventually(lambda: any("katherine@example.org" in mail["To"] for mail in site.mail.mails))
    assert (tmp_path / "seal" / "log.key").exists()
    assert (Path(site.ours["/small/"]) / "observatory.sqlite3").exists()


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
