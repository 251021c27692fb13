"""A small project: the databases set up as in the reference installation, and one model observed by signal_log."""

import os

from observatory.settings import DATABASES, DEFAULT_AUTO_FIELD, USE_TZ
from tests.benchmarks import peers

__all__ = ["DATABASES", "DEFAULT_AUTO_FIELD", "USE_TZ"]

SECRET_KEY = os.environ["SECRET_KEY"]
DEBUG = False
INSTALLED_APPS = [
    "django.contrib.contenttypes",  # this and the next are for the packages compared with
    "django.contrib.auth",
    "signal_log",
    *peers.apps(DATABASES["default"]["ENGINE"]),
    "tests.benchmarks",
]
SIGNAL_LOG = {"MODELS": ["benchmarks.Person"]}  # everything else is the default, here and for the others
