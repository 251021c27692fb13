"""Imports once what every process of the project imports of others' modules, and becomes such a process by `fork`.

Run as a script: `nursery_process.py DESK`, where DESK is a socket. A request is one byte, with descriptors: a file that
says what to run; a pipe that is told the new process's id, and later how it ended; standard input, output, error; and
those to pass on. Nothing of this project is imported here, and nothing that opens a socket, starts a thread or reads
settings: each process does that by itself, like any other.
"""

import contextlib
import fcntl
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
import types
from typing import Any

# Not `daphne.server`, which makes an event loop.
MODULES = (
    "autobahn.twisted.websocket",
    "channels.auth",
    "channels.generic.websocket",
    "click",
    "daphne.access",
    "django.contrib.admin.options",
    "django.contrib.staticfiles.handlers",
    "django.core.asgi",
    "django.core.management.commands.runserver",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.recorder",
    "django.test",
    "environ",
    "rfc8785",
    "smtplib",
    "twisted.internet.asyncioreactor",
    "twisted.web.http",
    "whitenoise.middleware",
)
# Above every descriptor that a request can name, below the usual limit.
HIGH = 700


def serve(desk: socket.socket) -> dict[str, Any]:
    """Fork for each request until the other side is gone; return only in a new process, with its request."""
    reports: dict[int, int] = {}
    ended, end = os.pipe()
    os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # so that the number below is written
    signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([desk, ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            report(reports)
        if desk not in ready:
            continue
        byte, fds, _, _ = socket.recv_fds(desk, 1, 250)
        if not byte:
            sys.exit()
        with open(fds.pop(0)) as file:
            request = json.load(file)
        pid = os.fork()
        if not pid:
            desk.detach()
            if request["group"]:
                os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            place(fds[1:], [0, 1, 2, *request["pass_fds"]])
            return request
        reports[pid] = fds.pop(0)
        if request["group"]:
            with contextlib.suppress(OSError):  # it was quicker, or is gone
                os.setpgid(pid, pid)
        tell(reports[pid], pid)
        for fd in fds:
            os.close(fd)


def report(reports: dict[int, int]) -> None:
    """Tell of each process that has ended how it did."""
    for pid in [*reports]:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            pipe = reports.pop(pid)
            tell(pipe, os.waitstatus_to_exitcode(status))
            os.close(pipe)


def tell(pipe: int, number: int) -> None:
    """Write a number, unless nobody reads it anymore."""
    with contextlib.suppress(BrokenPipeError):
        os.write(pipe, number.to_bytes(4, signed=True))


def place(fds: list[int], wanted: list[int]) -> None:
    """Give descriptors the numbers that were asked for, and close all others."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, HIGH) for fd in fds]
    for fd, number in zip(high, wanted, strict=True):
        os.dup2(fd, number)
    for name in os.listdir("/dev/fd"):
        if int(name) not in wanted:
            with contextlib.suppress(OSError):
                os.close(int(name))


def run(how: str, what: str, arguments: list[str], cwd: str, env: dict[str, str]) -> None:
    """Do what `python HOW WHAT ARGUMENTS` does in this folder, with this environment."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    if how == "-m":
        sys.path[0] = cwd
        sys.argv = ["-m", *arguments]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = ""
        sys.argv = ["-c", *arguments]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), main.__dict__)  # noqa: S102  this is what `-c` does


if __name__ == "__main__":
    sys.path[0] = os.getcwd()  # not this folder, whose modules have the names of others'
    for module in MODULES:
        importlib.import_module(module)
    # What is frozen stays shared: the children's collections do not look at it, and it is not taken apart at their end.
    gc.collect()
    gc.freeze()
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    run(*asked["command"], asked["cwd"], asked["env"])
