"""The nursery's processes are like those that `Popen` starts."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from tests.servers.daphne import ROOT, environment, listen
from tests.servers.process import Server

LOOK = """
import asyncio, json, os, signal, sys, threading
print(json.dumps({
    "told": [sys.argv, __name__, sys.path, os.getcwd()],
    "environment": dict(os.environ),
    "descriptors": sorted(os.listdir("/proc/self/fd")) if sys.platform == "linux" else None,
    "signals": [str(signal.getsignal(number)) for number in signal.valid_signals()],
    "woken": signal.set_wakeup_fd(-1),
    "group": os.getpgid(0) == os.getpid(),
    "threads": threading.active_count(),
    "too soon": [*{"signal_log", "django.contrib.auth.models", "daphne.server", "observatory"} & {*sys.modules}],
    "reactor": "twisted.internet.reactor" in sys.modules,
    "read": sys.stdin.read(),
}))
print(sys.argv[1], file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


class Started(Server):
    """A server that only waits."""

    def start(self) -> None:
        self.launch([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"], environment({}))
        self.wait_until(lambda: self.log_text() == "up\n")


def looked(popen, tmp_path, **options) -> tuple[object, str, int]:
    with closing(listen()) as passed, (tmp_path / "log").open("w+") as log:
        number = os.dup2(passed.fileno(), 99, inheritable=False)
        process = popen(
            [sys.executable, "-c", LOOK, "7"],
            cwd=tmp_path, env=environment({"TZ": "Asia/Tokyo", "ONLY": "here"}), pass_fds=(number,),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, **options,
        )  # fmt: skip
        os.close(number)
        with process.stdin, process.stdout:
            process.stdin.write("heard")
            process.stdin.close()
            found = json.loads(process.stdout.read())
        return found, (tmp_path / "log").read_text(), process.wait(20)


@pytest.mark.parametrize("options", [{}, {"process_group": 0}], ids=["", "own group"])
def test_a_process_is_like_one_of_popen(nursery, tmp_path, options):
    """Its arguments, environment, descriptors, signals, group, output and exit status."""
    assert looked(nursery.popen, tmp_path, **options) == looked(subprocess.Popen, tmp_path, **options)


def test_modules_run(nursery, tmp_path, capfd):
    """With `-m`."""
    words = [sys.executable, "-m", "daphne", "--help"]
    process = nursery.popen(words, cwd=ROOT, env=environment({}), stdout=subprocess.PIPE)
    with process.stdout:
        assert process.stdout.read() == subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert process.wait(20) == 0


def test_a_server_is_stopped_and_killed(nursery, monkeypatch):
    """By signals, whose numbers are its exit status."""
    monkeypatch.setattr("tests.servers.process.popen", nursery.popen)
    with closing(Started("waiting")) as server:
        server.begin()
        assert server.process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.01)
        pid = server.process.pid
        assert server.terminate() == -signal.SIGTERM
        server.log.unlink()
        server.start()
        server.kill()
    for gone in (pid, server.process and server.process.pid):
        with pytest.raises(ProcessLookupError):
            os.kill(gone or pid, 0)
