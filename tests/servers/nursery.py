"""Starts processes of the project in half the time: they are forked from one that has imported what they all import."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("nursery_process.py")


class Born:
    """A process like that of `Popen`, whose parent is the nursery: what tests use of one."""

    def __init__(self, report: int) -> None:
        self._report = os.fdopen(report, "rb", buffering=0)
        self.stdin: IO[str] | None = None
        self.stdout: IO[str] | None = None
        self.returncode: int | None = None
        self.pid = self._told()

    def _told(self) -> int:
        number = self._report.read(4)
        if not number:
            raise RuntimeError("the nursery has ended")
        return int.from_bytes(number, signed=True)

    def wait(self, timeout: float | None = None) -> int:
        """Return how the process ended, once it has."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = self._told()
            self._report.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return how the process ended, None if it has not."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursery:
    """The process that others are forked from; it ends when this object is closed, or this process is gone."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._python = only_python(env)
        self._desk, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, SCRIPT, str(theirs.fileno())]
            fds = [theirs.fileno()]
            self._process = subprocess.Popen(
                command, env=dict(env), cwd=ROOT, pass_fds=fds, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def popen(self, command: Sequence[str], **options: Any) -> Any:
        """Start a process as `Popen` would; one that does not run `python -m` or `-c` like the others by `Popen`."""
        python, how = command[:2]
        if python != sys.executable or how not in ("-m", "-c") or only_python(options["env"]) != self._python:
            return subprocess.Popen(command, **options)
        return self._born(command, **options)

    def _born(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdin: Any = 0,
        stdout: Any = 1,
        stderr: Any = 2,
        pass_fds: Sequence[int] = (),
        process_group: int | None = None,
        text: bool = True,
    ) -> Born:
        _, how, what, *arguments = command
        request = {"command": [how, what, arguments], "cwd": str(cwd), "env": dict(env), "pass_fds": list(pass_fds)}
        ours: dict[str, IO[str]] = {}
        with ExitStack() as sent, tempfile.TemporaryFile("w+") as file:
            json.dump(request | {"group": process_group == 0}, file)
            file.seek(0)
            if stdin == subprocess.PIPE:
                stdin, end = os.pipe()
                sent.callback(os.close, stdin)
                ours["stdin"] = os.fdopen(end, "w")
            elif stdin == subprocess.DEVNULL:
                stdin = sent.enter_context(open(os.devnull))
            if stdout == subprocess.PIPE:
                end, stdout = os.pipe()
                sent.callback(os.close, stdout)
                ours["stdout"] = os.fdopen(end)
            stderr = stdout if stderr == subprocess.STDOUT else stderr
            report, reports = os.pipe()
            sent.callback(os.close, reports)
            fds = (file, reports, stdin, stdout, stderr, *pass_fds)
            socket.send_fds(self._desk, [b"+"], [fd if isinstance(fd, int) else fd.fileno() for fd in fds])
        born = Born(report)
        vars(born).update(ours)
        return born

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._desk.close()
        self._process.wait(10)


def only_python(env: Mapping[str, str]) -> dict[str, str]:
    """What the interpreter itself reads of an environment, when it starts."""
    return {name: value for name, value in env.items() if name.startswith("PYTHON")}
