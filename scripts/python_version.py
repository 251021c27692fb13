"""Fails with a clear message, before anything is installed, if this Python is too old.

Even Python 2 can run it as far as the message.
"""

import sys

OLDEST = (3, 11)

if sys.version_info < OLDEST:
    sys.exit(
        "This needs Python %s or newer; %s is Python %s.\n"  # noqa: UP031  an old Python reads this file
        "Use another one:  make PYTHON=python3.13 setup"
        % (".".join(map(str, OLDEST)), sys.executable, ".".join(map(str, sys.version_info[:2])))
    )
