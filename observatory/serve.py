"""Runs the observatory on a development machine: `make run`, or `make demo` with traffic.

Only the standard library is imported until the environment is set up and the port is bound, so that `--check-port`
works before anything is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import User

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
HOST = "127.0.0.1"
ADMIN = "admin"


def main() -> None:
    """Serve until Ctrl-C, SIGTERM or SIGHUP; all exit with code 0 and no traceback."""
    parser = argparse.ArgumentParser(prog="python -m observatory.serve", description=__doc__.splitlines()[0])
    parser.add_argument("--port", default=os.environ.get("PORT", "8000"), help="port on 127.0.0.1 (8000)")
    parser.add_argument("--demo", action="store_true", help="also generate signal traffic")
    parser.add_argument("--check-port", action="store_true", help="only check whether the port is free")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
        # The terminal has been closed. As SIGTERM, which daphne handles; it does not handle SIGHUP.
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with listening(options.port) as server_socket:
            if not options.check_port:
                serve(server_socket, options.demo)
    except KeyboardInterrupt:
        sys.exit(0)


@contextlib.contextmanager
def listening(port: str) -> Iterator[socket.socket]:
    """A listening socket on the port; if it cannot be bound, exits with advice."""
    if not port.isdecimal() or not 0 < int(port) < 65536:
        sys.exit(f"PORT must be a number from 1 to 65535, not {port!r}.")
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((HOST, int(port)))
            held.listen(512)
        except PermissionError:
            sys.exit(f"Port {port} needs administrator rights. Try:  PORT=8000 make run")
        except OSError as error:
            sys.exit(
                f"Port {port} on {HOST} is already in use ({error.strerror}).\n"
                f"Choose another:  PORT={free_port_above(int(port))} make run"
            )
        yield held


def free_port_above(port: int) -> int:
    """The next free port, to suggest."""
    for candidate in range(port + 1, min(port + 100, 65536)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, candidate))
            return candidate
    return 8001


def serve(server_socket: socket.socket, demo: bool) -> None:
    """Prepare the database and the administrator, print the URLs, and run daphne."""
    set_environment()
    check_database()
    print("Preparing the database ...", flush=True)
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    sealed = make_seal_key()
    user, password = administrator()

    from observatory import login_once

    token = login_once.issue(user) if settings.DEBUG else ""
    hello = greeting(server_socket.getsockname()[1], token, password, demo, sealed)
    try:
        with traffic() if demo else contextlib.nullcontext():
            run_daphne(server_socket, lambda: print(hello, flush=True))
    finally:
        if token:
            login_once.withdraw(token)


def set_environment() -> None:
    """Set defaults: development mode, and a secret key stored in var/."""
    VAR.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")
    for name, default in {"DEBUG": "1", "LOG_LEVEL": "WARNING"}.items():
        os.environ[name] = os.environ.get(name) or default
    if not os.environ.get("SECRET_KEY"):
        os.environ["SECRET_KEY"] = read_secret(VAR / "secret-key") or write_secret(
            VAR / "secret-key", secrets.token_urlsafe(50)
        )


def check_database() -> None:
    """Exit with one sentence if the settings are wrong or the database does not answer."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connection

    from observatory import database

    try:
        problem = database.problem(connection)
    except ImproperlyConfigured as error:
        problem = str(error)
    if problem:
        sys.exit(problem)


def read_secret(path: Path) -> str:
    """The text of a file, or an empty string if it does not exist."""
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def write_secret(path: Path, text: str) -> str:
    """Write a secret to a file that only its owner can read, and return it."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text + "\n", encoding="utf-8")
    return text


def make_seal_key() -> str:
    """Make the key that signs the log, on the first run, where the settings name a file; say what verifies it."""
    from django.conf import settings
    from django.core.management import CommandError, call_command

    keys = settings.SIGNAL_LOG["SEAL_KEYS"]
    if keys and not keys[0].startswith("unix:") and not Path(keys[0]).exists():
        call_command("signal_seal", "init", stdout=io.StringIO())
    if not keys:
        return "The log is sealed without a signature: SEAL_KEYS names no key"
    told = io.StringIO()
    try:
        call_command("signal_seal", "vkey", stdout=told)
    except CommandError as error:
        return f"The log is sealed without a signature: {error}"
    return f"The log is sealed; what verifies it:  {told.getvalue().splitlines()[0]}"


def administrator() -> tuple[User, str]:
    """The administrator, created on the first run, and the password, empty if it has been changed since."""
    from django.contrib.auth.models import User

    path = VAR / "admin-password"
    user = User.objects.filter(username=ADMIN).first()
    if user is None:
        password = write_secret(path, secrets.token_urlsafe(12))
        return User.objects.create_superuser(ADMIN, "", password), password
    password = read_secret(path)
    return user, password if password and user.check_password(password) else ""


def greeting(port: int, token: str, password: str, demo: bool, sealed: str) -> str:
    """The text printed once the server listens: the URLs and the login."""
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    site = f"http://{HOST}:{port}"
    lines = ["", f"{bold}The signal observatory runs at {site}/{plain}", ""]
    if token:
        lines += [
            "  Open this once, it logs you in as the administrator:",
            f"  {bold}{site}/login-once/{token}/{plain}",
            "",
        ]
    known = f"password {password}" if password else "with the password you gave it"
    lines += [
        f"  Later log in as {ADMIN}, {known}",
        f"  Register a user in another window and watch:  {site}/accounts/register/",
        f"  {sealed}",
        "  In another terminal:  DEBUG=1 .venv/bin/python manage.py signal_verify",
    ]
    if demo:
        lines.append("  Traffic is running; its log is var/traffic.log")
    return "\n".join([*lines, "", "  Ctrl-C stops it.", ""])


@contextlib.contextmanager
def traffic() -> Iterator[None]:
    """Run the command `signal_traffic` as a child process for the duration of the block."""
    with (VAR / "traffic.log").open("w") as log:
        child = subprocess.Popen(
            # It ends when its standard input does, so even if this process is killed.
            [sys.executable, "manage.py", "signal_traffic", "--rate", "2", "--until-eof"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            # In its own session, so that Ctrl-C in the terminal reaches only this process, which then stops it.
            start_new_session=True,
        )
    try:
        yield
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()


def run_daphne(server_socket: socket.socket, ready: Callable[[], None]) -> None:
    """Serve on the socket until a signal stops the reactor; `ready` is called once it runs."""
    from asgi import application
    from observatory.draining import DrainingServer

    # Twisted closes the descriptor, so detach it from the socket.
    endpoint = f"fd:fileno={server_socket.detach()}"
    DrainingServer(application, endpoints=[endpoint], ready_callable=ready, server_name="daphne").run()


if __name__ == "__main__":
    main()
