"""The reference project, with django-auditlog beside it if that is installed: what people read is compared."""

from observatory.settings import *  # noqa: F403
from observatory.settings import INSTALLED_APPS
from tests.benchmarks.peers import installed

INSTALLED_APPS = [*INSTALLED_APPS, *(["auditlog"] if "auditlog" in installed() else [])]
