"""`make run` and `make demo` as seen from the terminal: what is printed, whether it works, how it ends."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.servers.daphne import ROOT
from tests.servers.process import Server, free_port
from tests.servers.visitor import Visitor

pytestmark = pytest.mark.long
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "node_modules", "var", "__pycache__", ".*_cache", ".hypothesis", "tests"
)
ONCE = re.compile(r"http://127\.0\.0\.1:\d+/login-once/\S+/")
PASSWORD = re.compile(r"password (\S+)")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which nothing has run yet."""
    target = tmp_path_factory.mktemp("fresh") / "project"
    shutil.copytree(ROOT, target, ignore=NOT_COPIED)
    return target


def clean_environment() -> dict[str, str]:
    """Return the shell's environment without what the tests have set for Django."""
    chosen = ("SECRET_KEY", "DEBUG", "HTTPS", "DATABASE_URL", "PORT", "DJANGO_SETTINGS_MODULE")
    return {name: value for name, value in os.environ.items() if name not in chosen}


class Run(Server):
    """One `make run` without make, in the new copy."""

    def __init__(self, project: Path, *arguments: str) -> None:
        super().__init__("serve")
        self.port = free_port()
        self.project = project
        self.arguments = arguments
        self.begin()
        self.output = self.log_text()

    def start(self) -> None:
        """Run it until it says how to stop it."""
        command = [sys.executable, "-m", "observatory.serve", "--port", str(self.port), *self.arguments]
        self.launch(command, env=clean_environment(), cwd=self.project)
        self.wait_until(lambda: "Ctrl-C stops it" in self.log_text(), 60)

    @property
    def site(self) -> str:
        """Return the address of the site."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self, how: signal.Signals) -> int | None:
        """Stop it as a terminal or a service manager does, and return its exit code."""
        self.stop_signal = how
        return self.terminate()


@pytest.fixture
def run(fresh: Path) -> Iterator[Run]:
    """Run it, and stop it after the test."""
    with Run(fresh) as running:
        yield running


def test_the_printed_address_works_once_and_the_printed_password_always(run: Run) -> None:
    """The address logs in its first visitor only; the password keeps working."""
    address = ONCE.search(run.output)
    password = PASSWORD.search(run.output)
    assert address
    assert password
    path = address[0].removeprefix(run.site)
    first, second = Visitor(run.site), Visitor(run.site)
    first.get(path)
    assert "sessionid" in {cookie.name for cookie in first.cookies}
    second.get(path)
    assert "sessionid" not in {cookie.name for cookie in second.cookies}
    second.log_in("admin", password[1])


def test_the_administrator_sees_a_registration_at_once(run: Run) -> None:
    """A registration arrives on the administrator's open page."""
    address = ONCE.search(run.output)
    assert address
    administrator = Visitor(run.site)
    administrator.get(address[0].removeprefix(run.site))
    with administrator.listen() as page:
        Visitor(run.site).register(f"ada{run.port}")
        page.event("post_save", "users.Profile", f"ada{run.port}")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_and_withdraws_its_address(fresh: Path, run: Run, how: signal.Signals) -> None:
    """On SIGINT or SIGTERM it exits with 0, prints nothing more and removes the log-in token."""
    with socket.create_connection(("127.0.0.1", run.port)):
        assert run.stop(how) == 0
    assert run.log_text() == run.output
    assert not list((fresh / "var" / "login-once").iterdir())


def test_the_password_is_kept_and_secrets_are_private(fresh: Path, run: Run) -> None:
    """The next run prints the same password, and only the owner can read the secrets."""
    assert "The log is sealed; what verifies it:  " in run.output
    before = PASSWORD.search(run.output)
    run.stop(signal.SIGINT)
    with Run(fresh) as again:
        after = PASSWORD.search(again.output)
    assert before
    assert after
    assert before[1] == after[1]
    for name in ("admin-password", "secret-key"):
        assert stat.S_IMODE((fresh / "var" / name).stat().st_mode) == 0o600


def test_a_taken_port_is_named_and_a_free_one_suggested(fresh: Path) -> None:
    """The error has no traceback and suggests a command with another port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = ask(fresh, str(port))
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is already in use" in done.stderr
    suggested = re.search(r"PORT=(\d+) make run", done.stderr)
    assert suggested
    assert int(suggested[1]) != port
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", ""])
def test_an_invalid_port_is_refused(fresh: Path, port: str) -> None:
    """The error says what PORT must be."""
    done = ask(fresh, port)
    assert done.returncode
    assert "PORT must be a number" in done.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("hello", "DATABASE_URL is no address that can be read: use sqlite:"),
        ("sqlite:///nowhere/site.sqlite3", "nowhere, which is no folder"),
        ("postgres://me:hidden@127.0.0.1:1/site", "PostgreSQL cannot open the database site at 127.0.0.1:1: "),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence(fresh: Path, url: str, said: str) -> None:
    """It is said before anything else, with no traceback and no password."""
    done = ask(fresh, str(free_port()), DATABASE_URL=url)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "hidden" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("url", ["postgres://me:hidden@127.0.0.1:1/site", "sqlite:////proc/site.sqlite3"])
def test_so_it_is_for_every_command(fresh: Path, url: str) -> None:
    """`manage.py` does not wait for its pool either; what asks no database works all the same."""
    environment = clean_environment() | {"DEBUG": "1", "DATABASE_URL": url}
    run = partial(subprocess.run, cwd=fresh, env=environment, capture_output=True, text=True, check=False)
    done = run([sys.executable, "manage.py", "showmigrations"])
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("manage.py: ")
    assert " cannot open the database " in line
    assert "hidden" not in line
    assert run([sys.executable, "manage.py", "diffsettings"]).returncode == 0


def ask(project: Path, port: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it with a port, or a setting, that it cannot have."""
    command = [sys.executable, "-m", "observatory.serve", f"--port={port}"]
    environment = clean_environment() | more
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL])
def test_the_demos_traffic_ends_with_it(fresh: Path, how: signal.Signals) -> None:
    """The demo's traffic reaches the page, and its process ends with the demo: a closed terminal, a killed process."""
    with Run(fresh, "--demo") as demo:
        address = ONCE.search(demo.output)
        assert address
        administrator = Visitor(demo.site)
        administrator.get(address[0].removeprefix(demo.site))
        with administrator.listen() as page:
            page.event("post_save", "users.Profile", "")
        assert traffic_processes(fresh)
        assert demo.stop(how) == (0 if how is signal.SIGHUP else -signal.SIGKILL)
        deadline = time.monotonic() + 15
        while traffic_processes(fresh):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert "Traceback" not in (fresh / "var" / "traffic.log").read_text()


def test_running_installs_only_what_running_needs() -> None:
    """`make run` waits neither for the tools of tests and linters nor for those of the front end."""
    done = subprocess.run(["make", "-nB", "ready"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "-r requirements.txt" in done.stdout
    assert "ci --loglevel=error --no-progress --omit=dev" in done.stdout
    assert "requirements-dev.txt" not in done.stdout
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^run: check-port ready ", makefile, re.MULTILINE)


def traffic_processes(project: Path) -> list[str]:
    """Return the running traffic commands of this copy of the project."""
    found = (folder for folder in Path("/proc").iterdir() if folder.name.isdecimal())
    return [folder.name for folder in found if is_traffic(folder, project)]


def is_traffic(process: Path, project: Path) -> bool:
    """Return whether this entry of /proc is the traffic command of this copy of the project."""
    try:
        return b"signal_traffic" in (process / "cmdline").read_bytes() and (process / "cwd").samefile(project)
    except OSError:
        return False
