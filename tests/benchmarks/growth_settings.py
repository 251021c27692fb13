"""The settings of `growth`: those of tests, with a relay into a file."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import SIGNAL_LOG as OF_TESTS

SIGNAL_LOG = {**OF_TESTS, "SEAL_KEYS": [], "RELAYS": {"growth": {"sink": "file", "url": os.environ["RELAYED"]}}}
