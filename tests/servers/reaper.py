"""Waits until the process that started a test server is gone, then kills the server and removes its folder.

Run as a script: `reaper.py PID FOLDER`. A proper stop writes `stopped` first, and then nothing is done.
"""

import contextlib
import os
import shutil
import signal
import sys


def main() -> None:
    """Read until the other end of the pipe closes, which the kernel does however that process ends."""
    group, folder = int(sys.argv[1]), sys.argv[2]
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    if sys.stdin.buffer.read() == b"stopped":
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
