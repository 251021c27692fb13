"""The project's settings, with static files collected into a folder of the test and not compressed."""

import os
from pathlib import Path

from observatory.settings import *  # noqa: F403

STATIC_ROOT = Path(os.environ["TOPOLOGY_STATIC_ROOT"])
# Compressing takes ten seconds and is not what these tests are about.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["css", "html", "js", "json", "md", "svg", "txt"]
# How long a page waits for a database that is down before it says so; ten seconds in the project's own settings.
if "pool" in DATABASES["default"]["OPTIONS"]:  # noqa: F405
    DATABASES["default"]["OPTIONS"]["pool"]["timeout"] = 3  # noqa: F405
