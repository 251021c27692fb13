"""The settings of Django's suite with the app installed and every model observed."""

import sys

from tests.django_suite.settings import *  # noqa: F403

SIGNAL_LOG = {"MODELS": ["*"]}

# ``runtests.py``, which reads these settings, sets its own apps and middleware, and has no option for more.
_runtests = sys.modules["__main__"]
_runtests.ALWAYS_INSTALLED_APPS.append("signal_log")
_runtests.ALWAYS_MIDDLEWARE.append("signal_log.capture.middleware.SignalLogMiddleware")
