"""A small project: the databases set up as in the reference installation, and one observed model."""

import os

from observatory.settings import DATABASES, DEFAULT_AUTO_FIELD, USE_TZ

__all__ = ["DATABASES", "DEFAULT_AUTO_FIELD", "USE_TZ"]

SECRET_KEY = os.environ["SECRET_KEY"]
DEBUG = False
INSTALLED_APPS = ["signal_log", "tests.benchmarks"]
SIGNAL_LOG = {"MODELS": ["benchmarks.Person"]}  # everything else as it is by default
