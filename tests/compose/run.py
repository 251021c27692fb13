"""Builds the image, brings docker-compose.yml up with podman, tries it and takes it down: `make compose-test`."""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.compose import checks
from tests.compose.images import HERE, Podman, install_podman, make_stand_ins

ROOT = HERE.parents[1]
HOME = ROOT / "var" / "compose-test"
PORTS = {"HTTP_PORT": "18080", "HTTPS_PORT": "18443", "MAIL_PORT": "18025", "SITE_URL": checks.SITE}
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
        self.compose_program = podman.home / "compose"
        self.compose_program.write_text(COMPOSE.format(python=sys.executable, podman=podman.program))
        self.compose_program.chmod(0o755)

    def copy_project(self) -> None:
        """Copy the files that Git knows or would add, as they are now, with an .env for other ports."""
        shutil.rmtree(self.folder, ignore_errors=True)
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, done.stdout.split("\0")):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.folder / name)
        lines = (self.folder / ".env.example").read_text().splitlines()
        changed = [
            f"{name}={PORTS[name]}" if name in PORTS else line for line in lines for name in [line.partition("=")[0]]
        ]
        (self.folder / ".env").write_text("\n".join(changed) + "\n")
        self.shell("sh", "deploy/secrets.sh")

    def compose(self, *arguments: str) -> None:
        """Run podman-compose."""
        self.shell(self.compose_program, *arguments)

    def shell(self, *command: str | Path, **environment: str) -> None:
        """Run a command in the project, as somebody who deploys it does; what it prints goes into the log."""
        with self.log.open("a") as log:
            log.write(f"\n$ {' '.join(map(str, command))}\n")
            log.flush()
            done = subprocess.run(
                [str(part) for part in command],
                cwd=self.folder,
                env=self.podman.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=600,
            )
        if done.returncode:
            end = "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])
            raise RuntimeError(f"{command[0]} ended with {done.returncode}; {self.log} ends with:\n{end}")

    def container(self, service: str) -> str:
        """Return the name of a service's container."""
        return f"signal-observatory_{service}_1"

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container and return what it prints, whether it fails or not."""
        return self.podman.run("exec", self.container(service), *command, check=False, timeout=90)


def main() -> None:
    """Run everything; the exit code is 1 if a check failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running, to look at")
    options = parser.parse_args()
    install_podman()
    podman = Podman(HOME)
    timed("stand-ins for foreign images", lambda: make_stand_ins(podman))
    deployment = Deployment(podman, HOME / "project")
    deployment.copy_project()
    try:
        deployment.compose("down", "-v")  # what an interrupted run has left
        timed("the image is built", lambda: deployment.compose("build", "web1"))
        timed("everything comes up", lambda: deployment.compose("up", "-d"))
        failed = checks.run(deployment)
    finally:
        if not options.keep:
            deployment.compose("down", "-v")
    print(f"{failed} failed" if failed else "everything holds", flush=True)
    sys.exit(bool(failed))


def timed(what: str, do: object) -> None:
    """Do it, and say how long it took."""
    began = time.monotonic()
    assert callable(do)
    do()
    print(f"ok    {what} ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    os.umask(0o022)
    main()
