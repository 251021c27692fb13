"""Builds the image, brings docker-compose.yml up with podman, tries it and takes it down: `make compose-test`."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.compose import checks, parts, small
from tests.compose.asking import SITE, answers, wait_for
from tests.compose.images import HERE, Podman, install_podman, make_stand_ins

ROOT = HERE.parents[1]
HOME = ROOT / "var" / "compose-test"
PORTS = {"HTTP_PORT": "18080", "HTTPS_PORT": "18443", "MAIL_PORT": "18025", "SITE_URL": SITE}
PROFILES = ("--profile=relay", "--profile=archive", "--profile=witness", "--profile=small")
COMPOSE = """#!/bin/sh
# podman-compose, unlike Docker's, recreates what depends on a service together with it, in spite of --no-deps.
if [ "$1 $4" = "up --force-recreate" ]; then
    "{podman}" stop "signal-observatory_$5_1"
    "{podman}" rm "signal-observatory_$5_1"
    set -- up -d --no-deps "$5"
fi
exec "{python}" -m podman_compose --podman-path "{podman}" --in-pod=0 \
    --podman-build-args='--network=host --pull=never' "$@"
"""


class Deployment:
    """A copy of the project, and podman-compose in it."""

    def __init__(self, podman: Podman, folder: Path) -> None:
        self.podman = podman
        self.folder = folder
        self.log = podman.home / "compose.log"
        self.log.write_text("")
        self.printed = podman.home / "printed"
        self.compose_program = podman.home / "compose"
        self.compose_program.write_text(COMPOSE.format(python=sys.executable, podman=podman.program))
        self.compose_program.chmod(0o755)

    def begin_with(self, commit: str) -> None:
        """Copy the files of a commit, with an .env for other ports, and make the secrets."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with subprocess.Popen(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE) as packed:
            subprocess.run(["tar", "-x"], cwd=self.folder, stdin=packed.stdout, check=True)
        self.copy_environment()
        self.shell("sh", "deploy/secrets.sh")

    def take_over(self) -> None:
        """Lay over it the files that Git knows or would add, as they are now, as `git pull` would."""
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, done.stdout.split("\0")):
            if (ROOT / name).is_file():
                copy = self.folder / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.unlink(missing_ok=True)  # Git makes a new file, too; the one in a container is the old one
                shutil.copy(ROOT / name, copy)

    def copy_environment(self) -> None:
        """Make an .env from the example, for other ports."""
        shutil.copy(self.folder / ".env.example", self.folder / ".env")
        for name, value in PORTS.items():
            self.set(name, value)

    def set(self, name: str, value: str) -> None:
        """Set a variable in .env."""
        file = self.folder / ".env"
        lines = [line for line in file.read_text().splitlines() if not line.startswith(f"{name}=")]
        file.write_text("\n".join([*lines, f"{name}={value}"]) + "\n")

    def compose(self, *arguments: str) -> str:
        """Run podman-compose, and return what it prints."""
        return self.shell(self.compose_program, *arguments)

    def shell(self, *command: str | Path, **environment: str) -> str:
        """Run a command in the project, as somebody who deploys it does; return what it prints, errors into the log."""
        # Into files: a container that goes on would keep a pipe open.
        with self.log.open("a") as log, self.printed.open("w") as output:
            log.write(f"\n$ {' '.join(map(str, command))}\n")
            log.flush()
            done = subprocess.run(
                [str(part) for part in command],
                cwd=self.folder,
                env=self.podman.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                check=False,
                timeout=1200,
            )
            log.write(self.printed.read_text(errors="replace"))
        if done.returncode:
            end = "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])
            raise RuntimeError(f"{command[0]} ended with {done.returncode}; {self.log} ends with:\n{end}")
        return self.printed.read_text(errors="replace")

    def container(self, service: str) -> str:
        """Return the name of a service's container."""
        return f"signal-observatory_{service}_1"

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container and return what it prints, whether it fails or not."""
        return self.podman.run("exec", self.container(service), *command, check=False, timeout=300)

    def crash(self, service: str) -> None:
        """Kill a service's process from outside, as a machine without memory does; podman has to start it again.

        It returns when the process has ended: one that is still ending takes a form, and never answers.
        """
        pid = self._state(service)["Pid"]
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)

    def healthy(self, service: str) -> bool:
        """Return whether the service runs, and its health check succeeds."""
        if self._state(service)["Status"] != "running":
            return False
        checked = [self.podman.program, "healthcheck", "run", self.container(service)]
        done = subprocess.run(checked, env=self.podman.environment, stdout=subprocess.DEVNULL, check=False, timeout=60)
        return not done.returncode

    def _state(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.podman.run("inspect", self.container(service)))[0]["State"]
        return found


def main() -> None:
    """Run everything; the exit code is 1 if a check failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running, to look at")
    parser.add_argument("--before", metavar="COMMIT", help="begin with the image of this one, not of the one before")
    options = parser.parse_args()
    install_podman()
    podman = Podman(HOME)
    timed("stand-ins for foreign images", lambda: make_stand_ins(podman))
    deployment = Deployment(podman, HOME / "project")
    if (deployment.folder / "docker-compose.yml").exists():
        deployment.compose(*PROFILES, "down", "-v")  # what an interrupted run has left
    before = options.before or before_this()
    deployment.begin_with(before)
    try:
        timed(f"the image of {before} is built", lambda: deployment.compose("build", "web1"))
        timed("it comes up", lambda: deployment.compose("up", "-d"))
        wait_for(answers)
        failed = run(deployment, [*checks.BEFORE, *checks.CHECKS, *parts.CHECKS, *checks.LAST, *small.CHECKS])
    finally:
        if not options.keep:
            deployment.compose(*PROFILES, "down", "-v")
    print(f"{failed} failed" if failed else "everything holds", flush=True)
    sys.exit(bool(failed))


def before_this() -> str:
    """Return the newest commit, or the one before it if nothing was changed since."""
    status = ["git", "status", "--porcelain"]
    changed = subprocess.run(status, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return "HEAD" if changed else "HEAD~1"


def run(site: Deployment, what: Iterable[Callable[[Deployment], None]]) -> int:
    """Run every check, print a line for each, and return how many failed."""
    failed = 0
    for check in what:
        began = time.monotonic()
        try:
            check(site)
        except Exception:  # noqa: BLE001  whatever it is, the next check is run too
            failed += 1
            print(f"FAIL  {check.__doc__}\n{traceback.format_exc()}", flush=True)
        else:
            print(f"ok    {check.__doc__} ({time.monotonic() - began:.0f} s)", flush=True)
    return failed


def timed(what: str, do: object) -> None:
    """Do it, and say how long it took."""
    began = time.monotonic()
    assert callable(do)
    do()
    print(f"ok    {what} ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    os.umask(0o022)
    main()
