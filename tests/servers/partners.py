"""A witness and a reader of logs that nobody here wrote, installed in an environment of their own.

They need a newer Python than the app does. The environment is made once, from the lock, in `var/partners`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import Server, ServerError, free_port

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements-partners.txt"
VAR = ROOT / "var" / "partners"
OLDEST = (3, 12)


def partner(program: str) -> Path:
    """Return an executable of that environment: `python`, `aics-witness` or `aics-tlog`."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    folder = VAR / digest
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for old in VAR.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            _install(folder)
    return folder / "bin" / program


def _install(folder: Path) -> None:
    made = [
        [_interpreter(), "-m", "venv", folder],
        [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--require-hashes", "--no-deps", "-r", LOCK],
    ]  # fmt: skip
    for command in made:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerError(f"The partners of the tests could not be installed:\n{done.stderr[-2000:]}")
    (folder / "complete").touch()


def _interpreter() -> str:
    """Return a Python that is new enough: this one, one on the path, or one of pyenv's."""
    if sys.version_info >= OLDEST:
        return sys.executable
    for candidate in _candidates():
        ask = [candidate, "-c", "import sys; print(*sys.version_info[:2])"]
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
        if done.returncode == 0 and tuple(map(int, done.stdout.split())) >= OLDEST:
            return candidate
    raise ServerError(
        f"The witness that ours is tested with needs Python {OLDEST[0]}.{OLDEST[1]} or newer, beside the one that runs "
        "the tests: put `python3.13` or `python3.12` on the path."
    )


def _candidates() -> Iterator[str]:
    for version in ("3.13", "3.12"):
        if found := shutil.which(f"python{version}"):
            yield found
    for found in sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.*/bin/python3")):
        yield str(found)


class AicsWitness(Server):
    """The program `aics-witness`, which trusts these logs (origin and verifier key)."""

    def __init__(self, logs: dict[str, str]) -> None:
        super().__init__("aics-witness")
        self.port = free_port()
        listed = [{"origin": origin, "vkeys": [vkey]} for origin, vkey in logs.items()]
        known = {"name": "aics.example/w1", "listen": f"127.0.0.1:{self.port}", "prefix": "/w", "db": "witness.db"}
        config = {"witness": known | {"key_file": "witness.key"}, "logs": listed}
        (self.folder / "witness.json").write_text(json.dumps(config))
        self.vkey = ""
        self.begin()

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}/w"

    def start(self) -> None:
        """Make its key, and serve."""
        config = ["--config", str(self.folder / "witness.json")]
        init = [str(partner("aics-witness")), "init", *config]
        self.vkey = subprocess.run(init, capture_output=True, text=True, check=True).stdout.strip()
        self.launch([partner("aics-witness"), "serve", *config])
        self.wait_until(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def run_partner(code: str, given: object) -> object:
    """Run code in the partners' environment; what it is given is `given`, and its last line is read as JSON."""
    done = subprocess.run(
        [str(partner("python")), "-c", f"import json, sys\ngiven = json.load(sys.stdin)\n{code}"],
        input=json.dumps(given), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if done.returncode:
        raise ServerError(f"A partner failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
