"""The project's settings, with collected files in a folder of the test and not packed three times over."""

import os
from pathlib import Path

from observatory.settings import *  # noqa: F403

STATIC_ROOT = Path(os.environ["TOPOLOGY_STATIC_ROOT"])
# Packing takes ten seconds and is not what these tests are about.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["css", "html", "js", "json", "md", "svg", "txt"]
