"""How a host's settings are changed: the database and the runner in both runs, the app in one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .job import Job, postgres

APP = "signal_log"
MIDDLEWARE = "signal_log.capture.middleware.SignalLogMiddleware"


def changed(own: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """Return the settings of the run; lists keep their type, for some suites add to theirs."""
    new = {**own, **job.overrides, "TEST_RUNNER": "observed_host.recording.RecordingRunner"}
    apps, middleware = own["INSTALLED_APPS"], own.get("MIDDLEWARE", [])
    new["INSTALLED_APPS"] = apps + type(apps)(job.apps)
    if job.postgres:
        databases = own["DATABASES"].items()
        new["DATABASES"] = {name: postgres(job.postgres, f"{job.prefix}_{name}", one) for name, one in databases}
    if job.observed:
        new["INSTALLED_APPS"] += type(apps)([APP])
        new["MIDDLEWARE"] = middleware + type(middleware)([MIDDLEWARE])
        new["SIGNAL_LOG"] = {"MODELS": ["*"]}
    return new
