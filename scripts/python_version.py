"""Says clearly, before anything is installed, that this Python is too old.

Written so that even Python 2 can run it to the message.
"""

import sys

OLDEST = (3, 11)

if sys.version_info < OLDEST:
    sys.exit(
        "This needs Python %s or newer; %s is Python %s.\n"  # noqa: UP031  an old Python reads this file
        "Name another one:  make PYTHON=python3.13 setup"
        % (".".join(map(str, OLDEST)), sys.executable, ".".join(map(str, sys.version_info[:2])))
    )
