"""The project's settings, with static files served from their source: nothing has been collected and hashed."""

from observatory.settings import *  # noqa: F403
from observatory.settings import STORAGES

STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
