"""What the runner tells the process it starts, passed as JSON in the environment."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

VARIABLE = "OBSERVED_HOST"


@dataclass(frozen=True)
class Job:
    """One run of a suite."""

    report: str
    observed: bool
    # The suite's own settings: a module, the path of a function that returns them, or "" if it calls `configure`.
    settings: str = ""
    # Where PostgreSQL listens, and how its databases begin; "" leaves the suite's own databases.
    postgres: str = ""
    prefix: str = ""
    # What is set in both runs: apps that `signal_log` needs, or a fast password hasher.
    apps: list[str] = field(default_factory=list)
    overrides: dict[str, Any] = field(default_factory=dict)

    def as_environment(self) -> dict[str, str]:
        """Return the variable that passes the job on."""
        return {VARIABLE: json.dumps(asdict(self))}


def current() -> Job:
    """Return the job of this process."""
    return Job(**json.loads(os.environ[VARIABLE]))


def postgres(url: str, name: str, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return these settings of a database with this PostgreSQL in place of what they name."""
    place = urlsplit(url)
    test = {key: value for key, value in (settings or {}).get("TEST", {}).items() if key != "NAME"}
    return {
        **{key: value for key, value in (settings or {}).items() if key != "OPTIONS"},
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": place.username,
        "PASSWORD": place.password,
        "HOST": place.hostname,
        "PORT": place.port,
        "TEST": test,
    }
