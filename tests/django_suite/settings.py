"""The settings for Django's ``runtests.py``: two databases, and a runner that records the results."""

import django

from tests.hosts.observed_host.job import current, postgres

SECRET_KEY = "for-the-tests-only-" + "0123456789abcdef" * 3
USE_TZ = False
if django.VERSION < (6, 0):
    DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TEST_RUNNER = "tests.hosts.observed_host.recording.RecordingRunner"

_job = current()
# SQLite in memory, as Django's developers use it, or the PostgreSQL that ``run`` has started.
DATABASES = {
    alias: postgres(_job.postgres, f"django_{_job.prefix}_{alias}")
    if _job.postgres
    else {"ENGINE": "django.db.backends.sqlite3"}
    for alias in ("default", "other")
}
