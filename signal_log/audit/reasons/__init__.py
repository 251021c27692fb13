"""Reasons: what is added, changed or deleted in the admin of the models in ``REASONS`` needs a sentence that says why.

``ModelAdmin.get_form`` gets a field, ``AdminSite.admin_view`` a gate; both are replaced only while ``REASONS`` names a
model, and stand in the one list of what is replaced (``capture/patches.py``).
"""

from __future__ import annotations

from django.apps import apps

from signal_log.capture import patches
from signal_log.conf import conf


def install() -> None:
    """Replace the two functions, until recording stops."""
    if not conf.REASONS or not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin import AdminSite, ModelAdmin

    from signal_log.audit.reasons import field, gate

    patches.replace(ModelAdmin, "get_form", field.get_form)
    patches.replace(AdminSite, "admin_view", gate.admin_view)
