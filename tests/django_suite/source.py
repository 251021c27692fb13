"""Django's own tests, from the source distribution of the installed Django."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var" / "django_suite"


def django_tests() -> Path:
    """Return the folder that contains ``runtests.py``, downloading and unpacking it the first time."""
    release = f"django-{django.__version__}"
    unpacked = FOLDER / release
    if not unpacked.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        archive = FOLDER / f"{release}.tar.gz"
        if not archive.exists():
            download(archive)
        unpack(archive, unpacked)
    return unpacked / "tests"


def download(archive: Path) -> None:
    """Fetch the archive with pip, as it is configured here."""
    print(f"downloading the source of Django {django.__version__}", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-binary", ":all:", "--no-deps", "--dest", str(archive.parent), f"django=={django.__version__}"]
    subprocess.run(command, check=True)
    if not archive.exists():
        raise SystemExit(f"pip did not bring {archive.name}; it brought: {sorted(p.name for p in FOLDER.iterdir())}")


def unpack(archive: Path, unpacked: Path) -> None:
    """Unpack elsewhere and move, so that a partly unpacked archive is never used."""
    half = unpacked.with_name(unpacked.name + ".half")
    shutil.rmtree(half, ignore_errors=True)
    with tarfile.open(archive) as opened:
        opened.extractall(half, filter="data")
    (half / unpacked.name).rename(unpacked)
    half.rmdir()
