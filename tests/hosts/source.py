"""Other people's source distributions, downloaded once with pip and checked against the lock."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var" / "hosts"
LOCK = ROOT / "requirements-hosts.txt"


@dataclass(frozen=True)
class Source:
    """One release, and the SHA-256 of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]

    def unpack(self, folder: Path) -> Path:
        """Unpack the archive here, after checking it again, and return the folder that it contained."""
        archive = self.archive()
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
        (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
        return unpacked

    def archive(self) -> Path:
        """Return the archive, downloading it the first time."""
        folder = VAR / "archives" / f"{self.name}-{self.version}"
        if not folder.is_dir():
            self._download(folder)
        found = list(folder.glob("*.tar.gz"))
        if len(found) != 1:
            raise SystemExit(f"{folder} must hold one archive; remove it to download {self.name} again.")
        if hashlib.sha256(found[0].read_bytes()).hexdigest() not in self.hashes:
            raise SystemExit(f"{found[0]} is not the archive that was pinned; remove it to download it again.")
        return found[0]

    def _download(self, folder: Path) -> None:
        """Fetch the archive with pip, as it is configured here; pip checks the hashes."""
        print(f"downloading the source of {self.name} {self.version}", flush=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as place:
            wanted = Path(place) / "wanted.txt"
            hashes = " ".join(f"--hash=sha256:{one}" for one in self.hashes)
            wanted.write_text(f"{self.name}=={self.version} {hashes}\n")
            got = Path(place) / "got"
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
            command += [
                "--no-binary",
                self.name,
                "--no-deps",
                "--require-hashes",
                "--dest",
                str(got),
                "-r",
                str(wanted),
            ]
            if subprocess.run(command, check=False).returncode:
                raise SystemExit(f"The source of {self.name} {self.version} could not be downloaded.")
            got.rename(folder)


def locked(name: str, lock: Path = LOCK, version: str = "") -> Source:
    """Return the release of this package that the lock names; `version` chooses where it names several."""
    pattern = rf"^{re.escape(name)}==(\S+)(?: ;[^\n]*)? \\\n((?: +--hash=sha256:\w+(?: \\)?\n?)+)"
    for found, hashes in re.findall(pattern, lock.read_text(), re.MULTILINE):
        if version in ("", found):
            return Source(name, found, tuple(re.findall(r"sha256:(\w+)", hashes)))
    raise SystemExit(f"{lock.name} does not name {name} {version}".rstrip() + ": run `make lock`.")
