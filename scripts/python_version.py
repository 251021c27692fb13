"""Says clearly, before anything is installed, that this Python is too old.

Written so that even Python 2 can run it to the message.
"""

import sys

OLDEST = (3, 11)

if sys.version_info < OLDEST:
    sys.exit(
        "This needs Python %d.%d or newer; `%s` is Python %d.%d.\n"
        "Name another one:  make PYTHON=python3.13 setup"
        % (OLDEST + (sys.executable,) + sys.version_info[:2])
    )
