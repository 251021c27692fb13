"""Settings for django-polymorphic's tests, whose last published ones are from 2018, and what they miss since then."""

from pathlib import Path

import django.utils
import polymorphic
import polymorphic.apps
import six
from django.test import TestCase, TransactionTestCase

# The tests expect to be in the package, which is the locked one.
polymorphic.__path__.append(str(Path.cwd() / "polymorphic"))
django.utils.six = six
TransactionTestCase.assertQuerysetEqual = TransactionTestCase.assertQuerySetEqual
TestCase.databases = {"default", "secondary"}
# A later check that trips over one of the tests' managers.
polymorphic.apps._check_polymorphic_managers = lambda model: []

SECRET_KEY = "for-the-tests-only"
DATABASES = {alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"} for alias in ("default", "secondary")}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sites",
    "django.contrib.admin",
    "polymorphic",
    "guardian",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "guardian.backends.ObjectPermissionBackend"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SITE_ID = 3
# The tests' models refer to content types, but have no migrations that could wait for theirs.
MIGRATION_MODULES = dict.fromkeys(("admin", "auth", "contenttypes", "guardian", "sessions", "sites"))
POLYMORPHIC_TEST_SWAPPABLE = "polymorphic.swappedmodel"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
