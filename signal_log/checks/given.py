"""The system check of ``SIGNAL_LOG`` itself: its keys, its values, and whether anything is recorded."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import connections

from signal_log.capture.model.registry import chosen_models
from signal_log.capture.signals import extra
from signal_log.conf import accepted, conf, problems


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """``SIGNAL_LOG`` has known keys and accepted values, and something is recorded."""
    found: list[checks.CheckMessage] = [
        checks.Error(what, hint=hint, id="signal_log.E001") for what, hint in problems()
    ]
    if not found:
        found += _nothing_recorded()
    found += [
        checks.Error(
            f"SIGNAL_LOG['EXTRA_SIGNALS']: {what}",
            hint="Accepted: the dotted path of a django.dispatch.Signal other than the models', "
            'e.g. "django.contrib.auth.signals.user_logged_in".',
            id="signal_log.E007",
        )
        for what in (extra.invalid_paths() if accepted("EXTRA_SIGNALS") else ())
    ]
    named = {key: getattr(conf, key) for key in ("DATABASE", "READ_DATABASE") if accepted(key)}
    found += [
        checks.Error(
            f"SIGNAL_LOG[{key!r}] is {alias!r}, which is not in DATABASES.",
            hint=f"Accepted: {', '.join(connections)}.",
            id="signal_log.E003",
        )
        for key, alias in named.items()
        if alias is not None and alias not in connections
    ]
    return found


def _nothing_recorded() -> list[checks.CheckMessage]:
    if not hasattr(settings, "SIGNAL_LOG"):
        what = "SIGNAL_LOG is not in the settings: nothing is recorded."
    elif not conf.MODELS:
        what = "SIGNAL_LOG['MODELS'] is empty: nothing is recorded."
    elif not any(chosen_models()):
        return [
            checks.Warning(
                f"Nothing is recorded: of what SIGNAL_LOG['MODELS'] names ({', '.join(conf.MODELS)}), EXCLUDE "
                f"({', '.join(conf.EXCLUDE) or 'nothing'}) and the models that are never observed leave none.",
                hint="Take out of EXCLUDE what is to be recorded. The log itself is never observed, and sessions only "
                'if MODELS names "sessions.Session".',
                id="signal_log.W006",
            )
        ]
    else:
        return []
    return [
        checks.Warning(
            what,
            hint=f'Name the models to observe: SIGNAL_LOG = {{"MODELS": [{_example()}]}}',
            id="signal_log.W001",
        )
    ]


def _example() -> str:
    """The project's own apps and its accounts, as a list of labels."""
    own = [
        f'"{config.label}.*"'
        for config in apps.get_app_configs()
        if not config.name.startswith(("django.", "signal_log")) and any(config.get_models())
    ]
    return ", ".join([*own[:2], f'"{settings.AUTH_USER_MODEL}"'])
