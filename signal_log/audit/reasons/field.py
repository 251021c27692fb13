"""The field that asks for a reason, and how it gets onto the pages of the admin whatever the host has made of them."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from django import forms
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.widgets import AdminTextareaWidget
from django.http import HttpRequest
from django.template.loader import render_to_string

from signal_log.audit.reason_text import said
from signal_log.errors import SignalLogError

NAME: Final = "signal_log_reason"
LONGEST: Final = 500
TITLE: Final = "Reason for the log"
HELP: Final = "Why you do this, in a sentence: the log keeps it with what is changed."
MISSING: Final = "Say why in a sentence: nothing was written."
PAGE: Final = "admin/signal_log/reason/page.html"
FIELD: Final = "admin/signal_log/reason/field.html"

asking: ContextVar[Any] = ContextVar("signal_log_asking", default=None)
"""The ModelAdmin whose form asks for a reason now."""


class ReasonMissing(SignalLogError):
    """A save or delete in the admin that needs a reason and has none."""


class ReasonField(forms.CharField):
    """A sentence; it is no value of the object, so the admin's own history does not count it as a change."""

    def __init__(self) -> None:
        super().__init__(
            label="Reason", help_text=HELP, max_length=LONGEST, error_messages={"required": MISSING},
            widget=AdminTextareaWidget(attrs={"rows": 2, "autocomplete": "off"}),
        )  # fmt: skip

    def to_python(self, value: Any) -> str:
        """What can be read of it; without a letter or digit it is missing."""
        return said(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Never."""
        return False


class ReasonForm(forms.Form):
    """The field alone, where a page has no form of the admin's to put it into."""

    required_css_class = "required"
    signal_log_reason = ReasonField()


def given(request: HttpRequest) -> str:
    """The reason that a request brings; empty if it has none that is accepted."""
    form = ReasonForm(request.POST)
    return str(form.cleaned_data[NAME]) if form.is_valid() else ""


def get_form(original: Any) -> Any:
    """Wrap ``ModelAdmin.get_form``: the form of a page that asks has the field, and is invalid without it."""

    def get_form(self: Any, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        # `fields=None` is how the admin asks which fields there are.
        if asking.get() is not self or ("fields" in kwargs and kwargs["fields"] is None):
            return original(self, request, obj, change, **kwargs)
        if "fields" not in kwargs:
            kwargs["fields"] = flatten_fieldsets(self.get_fieldsets(request, obj))
        kwargs["fields"] = [name for name in kwargs["fields"] if name != NAME]
        form = original(self, request, obj, change, **kwargs)
        may_change = not change or self.has_change_permission(request, obj)
        if may_change and not (change and not form.base_fields and _only_shows_lists(self, request, obj)):
            form.base_fields[NAME] = ReasonField()  # the class was made for this request
        return form

    return get_form


def _only_shows_lists(model_admin: Any, request: HttpRequest, obj: Any) -> bool:
    """Whether nothing can be entered in the lists of a page, the inlines, either."""
    for inline in model_admin.get_inline_instances(request, obj):
        if inline.has_add_permission(request, obj) or inline.has_delete_permission(request, obj):
            return False
        shown = flatten_fieldsets(inline.get_fieldsets(request, obj))
        if inline.has_change_permission(request, obj) and set(shown) - set(inline.get_readonly_fields(request, obj)):
            return False
    return True


def add_to(response: Any, *, refused: bool = False) -> None:
    """Put the field onto a page that is not rendered yet: into its form, or else into whatever form its content has."""
    context = getattr(response, "context_data", None)
    if context is None or response.is_rendered:
        return
    if (admin_form := context.get("adminform")) is not None:
        if NAME in admin_form.form.fields:
            admin_form.fieldsets.append((TITLE, {"fields": (NAME,)}))
            return
        if not (context.get("has_change_permission") or context.get("add")):
            return  # a page that only shows
        shown, asked_by = context.get("original"), asking.get()
        if shown and asked_by and not admin_form.form.fields and _only_shows_lists(asked_by, response._request, shown):
            return  # each field is read-only
    if context.get("perms_lacking") or context.get("protected"):
        return  # nothing can be confirmed
    form = ReasonForm({NAME: ""}) if refused else ReasonForm()
    context["signal_log_page"] = response.resolve_template(response.template_name)
    context["signal_log_field"] = render_to_string(FIELD, {"form": form, "title": TITLE})
    response.template_name = PAGE
