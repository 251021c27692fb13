"""The smallest deployment of docker-compose.yml, in the place of the whole one: one process with SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.compose.asking import MAILS, SITE, answers, wait_for
from tests.servers.visitor import Visitor

if TYPE_CHECKING:
    from tests.compose.run import Deployment

UP = ("--profile=small", "up", "-d", "small")


def small(site: Deployment) -> None:
    """the small deployment comes up by itself, and its part that is killed comes back"""
    site.compose("down")
    site.compose(*UP)
    running = site.podman.run("ps", "--format={{.Names}}").split()
    assert sorted(running) == sorted(site.container(name) for name in ("small", "small-web", "mail"))
    wait_for(answers)
    Visitor(SITE).register("tiny")
    wait_for(lambda: "tiny@example.org" in Visitor(MAILS).get("/"), 10)
    for service in ("small-web", "small"):
        site.crash(service)
        wait_for(lambda service=service: site.healthy(service) and answers())
    Visitor(SITE).register("wee")


def small_again(site: Deployment) -> None:
    """down and up again keeps what the small deployment has, and its log is intact"""
    site.compose("--profile=small", "down")
    site.compose(*UP)
    wait_for(answers)
    Visitor(SITE).log_in("tiny", "long enough for tiny")
    assert "ntact" in site.inside("small-web", "python", "manage.py", "signal_verify")


CHECKS = (small, small_again)
