"""The names under which forms and addresses may hold what a model masks or leaves out of the log.

A form need not save anything: an invalid one shows the value too, so its names are judged by all models of the project.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.core.signals import setting_changed
from django.db.models.signals import class_prepared

from signal_log.capture.model.masking import is_excluded, is_masked, secret_names
from signal_log.capture.model.name_pattern import is_pattern
from signal_log.capture.model.secret_names import SecretNames
from signal_log.conf import conf

_known: Final[list[SecretNames]] = []


def hidden_names() -> SecretNames:
    """Those that are secret in this project, and those of masked and excluded fields; ``person-0-iban`` is one."""
    if not _known:
        _known.append(SecretNames((*conf.MASK_FIELDS.get("*", ()), *sorted(set(_of_models()))), _shown()))
    return _known[0]


def _shown() -> tuple[str, ...]:
    return tuple(conf.UNMASK_FIELDS.get("*", ()))


def _of_models() -> Iterator[str]:
    names = secret_names()
    for given in (conf.MASK_FIELDS, conf.EXCLUDE_FIELDS):  # relations too, and models that are not installed
        for label, fields in given.items():
            yield from (name for name in fields if label == "*" or not is_pattern(name))
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if field.name not in names and (is_excluded(field, model) or is_masked(field, model)):
                yield field.name


def _forget(**given: Any) -> None:
    if given.get("setting", "SIGNAL_LOG") in ("SIGNAL_LOG", "INSTALLED_APPS"):
        _known.clear()


setting_changed.connect(_forget, dispatch_uid="signal_log.capture.model.hidden_names")
class_prepared.connect(_forget, dispatch_uid="signal_log.capture.model.hidden_names")
