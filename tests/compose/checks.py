"""What a person, an operator and somebody who wishes ill find in the site that docker-compose.yml brings up."""

from __future__ import annotations

import http.client
import json
import threading
import time
import traceback
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.servers.visitor import Visitor

if TYPE_CHECKING:
    from tests.compose.run import Deployment

SITE = "http://localhost:18080"
MAILS = "http://127.0.0.1:18025"
PASSWORD = "correct horse 77"
SERVICES = ("db", "layer", "web1", "web2", "proxy", "mail")
NOTICED = 6  # seconds, more than two health checks of the proxy


def run(site: Deployment) -> int:
    """Run every check, print a line for each, and return how many failed."""
    failed = 0
    for check in CHECKS:
        began = time.monotonic()
        try:
            check(site)
        except Exception:  # noqa: BLE001  whatever it is, the next check is run too
            failed += 1
            print(f"FAIL  {check.__doc__}\n{traceback.format_exc()}", flush=True)
        else:
            print(f"ok    {check.__doc__} ({time.monotonic() - began:.0f} s)", flush=True)
    return failed


def boss() -> Visitor:
    """Return the administrator, logged in."""
    visitor = Visitor(SITE)
    visitor.log_in("boss", PASSWORD)
    return visitor


def hears(name: str, do: Callable[[], object] = lambda: None) -> None:
    """A live page hears of somebody who registers after something was done."""
    with boss().listen() as page:
        do()
        Visitor(SITE).register(name)
        page.event("post_save", "users.Profile", name)


def status(path: str, host: str) -> int:
    """Return the status of a plain GET that asks for a host."""
    connection = http.client.HTTPConnection("127.0.0.1", 18080, timeout=20)
    connection.request("GET", path, headers={"Host": host})
    return connection.getresponse().status


@contextmanager
def editing(names: str) -> Iterator[None]:
    """Have two people edit their profiles again and again during the block; a refusal or a lost edit fails it."""
    over, errors, edits = threading.Event(), list[str](), list[int]()

    def keep(name: str) -> None:
        visitor, edit = Visitor(SITE), 0
        visitor.register(name)
        while not over.is_set():
            edit += 1
            try:
                fields = {"name": name, "email": f"{name}@example.org", "headline": f"edit {edit}"}
                page = visitor.submit("/accounts/profile/", **fields)
                assert f"edit {edit}" in page
            except Exception as error:  # noqa: BLE001  each is one that a visitor saw
                errors.append(f"{name}, edit {edit}: {error!r}")
            time.sleep(0.1)
        edits.append(edit)

    threads = [threading.Thread(target=keep, args=(f"{names}{who}",)) for who in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not errors, errors
    assert len(edits) == 2
    assert min(edits) > 5


def rows(site: Deployment) -> str:
    """Return how many events there are, and the newest one's id."""
    sql = "select count(*), max(id) from signal_log_signalevent"
    return site.inside("db", "psql", "-U", "observatory", "-d", "observatory", "-Atc", sql)


def ready(site: Deployment, service: str) -> bool:
    """Return whether a web process is ready."""
    code = "import urllib.request as u; print(u.urlopen('http://localhost:8000/readyz').status)"
    return site.inside(service, "python", "-c", code).strip() == "200"


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def somebody_registers(site: Deployment) -> None:
    """somebody registers through the proxy and gets a mail"""
    Visitor(SITE).register("ada")
    wait_for(lambda: "ada@example.org" in Visitor(MAILS).get("/"), 10)


def first_administrator(site: Deployment) -> None:
    """the documented command makes the first administrator, who sees the live page hear of a registration"""
    command = ("python", "manage.py", "createsuperuser", "--no-input", "--username=boss", "--email=b@example.org")
    password = f"--env=DJANGO_SUPERUSER_PASSWORD={PASSWORD}"
    site.podman.run("exec", password, site.container("web1"), *command)
    hears("grace")


def strangers(site: Deployment) -> None:
    """metrics are hidden, and another site's name is not served"""
    assert status("/metrics", "localhost") == 404
    assert status("/", "other.example.org") == 421


def either_process(site: Deployment) -> None:
    """a page hears of what is done in either web process"""
    for web in ("web1", "web2"):
        code = f"from django.contrib.auth.models import User; User.objects.create_user('in{web}')"
        with boss().listen() as page:
            site.inside(web, "python", "manage.py", "shell", "-c", code)
            page.event("post_save", "auth.User", f"in{web}")


def image(site: Deployment) -> None:
    """the image has bytecode, and neither pip nor the debug toolbar"""
    code = "import importlib.util as i, os; print(i.cache_from_source(%s.__file__))"
    for module in ("os", "django", "asgi"):
        cached = site.inside("web1", "python", "-c", f"import {module};" + code % module).strip()
        assert "No such file" not in site.inside("web1", "ls", cached), cached
    for module in ("pip", "debug_toolbar"):
        assert "No module named" in site.inside("web1", "python", "-c", f"import {module}")
    assert "No module named" in site.inside("web1", "/usr/local/bin/python", "-c", "import pip")


def few_rights(site: Deployment) -> None:
    """no service has capabilities or can write to its image; ports are this machine's; secrets are files"""
    secrets = [file.read_text().strip() for file in (site.folder / "deploy" / "secrets").iterdir()]
    for service in SERVICES:
        effective = site.inside(service, "sh", "-c", "grep CapEff /proc/1/status; touch /usr/x || echo refused")
        allowed = "0000000000000400" if service == "proxy" else "0000000000000000"
        assert allowed in effective, (service, effective)
        assert "refused" in effective, (service, effective)
        inspected = site.podman.run("inspect", site.container(service))
        assert not [secret for secret in secrets if secret in inspected], service
        for bindings in json.loads(inspected)[0]["HostConfig"]["PortBindings"].values():
            assert {binding["HostIp"] for binding in bindings or ()} <= {"127.0.0.1"}, service
    role = "select rolsuper from pg_roles where rolname = current_user"
    code = f"from django.db import connection as c; k = c.cursor(); k.execute({role!r}); print(k.fetchone())"
    assert "(False,)" in site.inside("web1", "python", "manage.py", "shell", "-c", code)


def killed(site: Deployment) -> None:
    """while either web process is killed people register"""
    for web in ("web1", "web2"):
        site.podman.run("kill", site.container(web))
        Visitor(SITE).register(f"no{web}")
        site.podman.run("start", site.container(web))
        wait_for(lambda web=web: ready(site, web))
    hears("barbara")


def without_layer(site: Deployment) -> None:
    """without Valkey people register and a page hears, also once the proxy has noticed"""
    site.podman.run("stop", site.container("layer"))
    time.sleep(NOTICED)
    hears("leslie")
    site.podman.run("start", site.container("layer"))
    hears("donald")


def without_database(site: Deployment) -> None:
    """without the database the site says so, also once the proxy has noticed, and it comes back"""
    visitor = boss()
    site.podman.run("stop", site.container("db"))
    time.sleep(NOTICED)
    with pytest.raises(urllib.error.HTTPError) as refused:
        visitor.get("/events/")
    assert refused.value.code == 503
    assert "The database is not responding" in refused.value.read().decode()
    site.podman.run("start", site.container("db"))
    wait_for(lambda: ready(site, "web1") and ready(site, "web2"))
    hears("frances")


def restarts(site: Deployment) -> None:
    """nobody who sends a form notices that one web process after the other is stopped and started"""
    with editing("restart"):
        for web in ("web1", "web2"):
            time.sleep(1)
            site.podman.run("stop", site.container(web))
            site.podman.run("start", site.container(web))
            wait_for(lambda web=web: ready(site, web))


def upgrade(site: Deployment) -> None:
    """nobody who sends a form notices an upgrade"""
    before = rows(site)
    with editing("upgrade"):
        site.shell("sh", "deploy/upgrade.sh", COMPOSE=str(site.compose_program))
    assert rows(site) != before
    hears("radia")


def logs(site: Deployment) -> None:
    """the log tells clients' addresses, and neither secrets nor health checks"""
    folder = site.folder / "deploy" / "secrets"
    secrets = [(folder / name).read_text().strip() for name in ("secret_key", "app_password")]
    address = "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    proxy = site.podman.run("inspect", address, site.container("proxy")).strip()
    log = "".join(site.podman.run("logs", site.container(web)) for web in ("web1", "web2"))
    lines = [line for line in log.splitlines() if '"POST /accounts/' in line]
    assert lines
    assert not [line for line in lines if f" {proxy}:" in line]
    assert '"GET /healthz" 200' not in log
    assert '"GET /readyz" 200' not in log
    assert not [secret for secret in secrets if secret in log]


def down_and_up(site: Deployment) -> None:
    """down and up again keeps the log"""
    before = rows(site)
    site.compose("down")
    site.compose("up", "-d")
    assert rows(site) == before


CHECKS = (
    somebody_registers,
    first_administrator,
    strangers,
    either_process,
    image,
    few_rights,
    killed,
    without_layer,
    without_database,
    restarts,
    upgrade,
    logs,
    down_and_up,
)
