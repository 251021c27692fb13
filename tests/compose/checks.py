"""What a person, an operator and somebody who wishes ill find in the site that docker-compose.yml brings up."""

from __future__ import annotations

import json
import time
import urllib.error
from typing import TYPE_CHECKING

import pytest

from tests.compose.asking import MAILS, PASSWORD, SITE, answers, boss, editing, hears, ready, rows, status, wait_for
from tests.servers.visitor import Visitor

if TYPE_CHECKING:
    from tests.compose.run import Deployment

SERVICES = ("db", "layer", "web1", "web2", "proxy", "mail", "relay", "archive", "witness")
NOTICED = 6  # seconds, more than two health checks of the proxy


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


def upgrade(site: Deployment) -> None:
    """nobody who sends a form notices the upgrade to this version, with everything that can be added"""
    before = rows(site)
    with editing("upgrade"):
        site.take_over()
        site.set("COMPOSE_PROFILES", "relay,archive,witness")
        site.set("ARCHIVE", "/archive")
        site.shell("sh", "deploy/upgrade.sh", COMPOSE=str(site.compose_program))
    assert rows(site) != before
    hears("radia")


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
    secrets = {file.read_text().strip() for file in (site.folder / "deploy" / "secrets").iterdir()} - {""}
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
    """every part that is killed comes back by itself, people register meanwhile, and a page hears of it afterwards"""
    for service in SERVICES:
        site.crash(service)
        if service not in ("db", "proxy", "mail"):  # without these nobody can, or it takes until they are back
            Visitor(SITE).register(f"no{service}")
        wait_for(lambda service=service: site.healthy(service))
    wait_for(lambda: ready(site, "web1") and ready(site, "web2"))
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
    """down and up again keeps every event"""
    newest = rows(site).split("|")[1].strip()
    before = rows(site, newest)
    site.compose("down")
    site.compose("up", "-d")
    wait_for(answers)
    assert rows(site, newest) == before


BEFORE = (somebody_registers, first_administrator, upgrade)
"""Begun with the image of an older commit."""
CHECKS = (
    strangers,
    either_process,
    image,
    few_rights,
    killed,
    without_layer,
    without_database,
    restarts,
    logs,
)
LAST = (down_and_up,)
