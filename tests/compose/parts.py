"""What the services that a profile adds do: relay, archive, witness."""

from __future__ import annotations

import json
import re
import urllib.error
from typing import TYPE_CHECKING

from tests.compose.asking import SITE, ask, boss, ready, status, wait_for
from tests.servers.visitor import Visitor

if TYPE_CHECKING:
    from tests.compose.run import Deployment

RELAYED = ("python", "-c", "print(*open('/relay/signals.jsonl').readlines(), sep='')")


def relay(site: Deployment) -> None:
    """whatever was killed, the relay has sent every event, and says on its page that it runs"""
    Visitor(SITE).register("relayed")
    wanted = set(ask(site, "select id from signal_log_signalevent").split())
    wait_for(lambda: wanted <= sent(site))
    (told,) = json.loads(boss().get("/relays/?format=json"))["relays"]
    assert told["name"] == "try"
    assert told["state"] == "running", told


def sent(site: Deployment) -> set[str]:
    """Return the ids of all events in the relay's file."""
    lines = site.inside("relay", *RELAYED).splitlines()
    return {json.loads(line)["id"].rpartition("/")[2] for line in lines if line.startswith("{")}


def archive(site: Deployment) -> None:
    """what the archive holds can be pruned; a web process reads it, verifies it, and cannot write to it"""
    assert site.healthy("archive")
    assert "Archived" in site.inside("archive", "python", "manage.py", "signal_archive", "--all")
    owner = ("run", "--rm", "--no-deps", "migrate", "python", "manage.py", "signal_prune")
    pruned = site.compose(*owner, "--before", "now-1m", "--archive", "/archive")
    assert re.search("Pruned [1-9]", pruned), pruned
    (grace,) = ask(site, "select id from auth_user where username = 'grace'").split()
    wait_for(lambda: read_on(f"/objects/auth.User/{grace}/"))
    found = site.inside("web1", "python", "manage.py", "signal_verify", "--archive", "/archive")
    assert "ntact" in found, found
    assert "refused" in site.inside("web1", "sh", "-c", "touch /archive/x || echo refused")


def read_on(path: str) -> bool:
    """Return whether a page shows what is in the archive; it gives up after four seconds, and says so with 404."""
    try:
        return "read from the archive /archive" in boss().get(path)
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return False


def witness(site: Deployment) -> None:
    """the site and its witness trust each other after the documented line, and it is asked through the proxy, too"""
    assert status("/witness/", "localhost") == 404
    name, _, value = site.shell("sh", "deploy/witness.sh", COMPOSE=str(site.compose_program)).strip().partition("=")
    site.set(name, value)
    for web in ("web1", "web2"):
        site.compose("up", "-d", "--no-deps", "--force-recreate", web)
        wait_for(lambda web=web: ready(site, web))
    Visitor(SITE).register("witnessed")
    wait_for(lambda: cosigned() > 0)
    last = cosigned()
    site.crash("witness")
    wait_for(lambda: site.healthy("witness"))
    Visitor(SITE).register("rewitnessed")
    wait_for(lambda: cosigned() > last, 120)


def cosigned() -> int:
    """Return the size of the tree that the witness has last countersigned."""
    (one,) = json.loads(boss().get("/seals/?format=json"))["witnesses"]
    return int(one["size"] or 0)


CHECKS = (relay, archive, witness)
