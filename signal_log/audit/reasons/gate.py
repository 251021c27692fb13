"""The gate before every view of the admin: without a reason nothing of the models in ``REASONS`` is written there.

A page on which such a model can be changed asks for it. Whatever else would write one (an action, a custom view, a
receiver, a deletion elsewhere that takes such rows along) is stopped before it has, and asked then: what was posted is
carried over to a page that has only the question. That a request is a GET promises nothing: it is stopped as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, Final

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.actions import delete_selected
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponseBase

from signal_log.audit.named_models import names
from signal_log.audit.reasons import ask, field
from signal_log.audit.reasons.field import ReasonMissing
from signal_log.capture.api import context
from signal_log.capture.refusing import refusing
from signal_log.conf import conf

SAFE: Final = ("GET", "HEAD", "OPTIONS", "TRACE")
FORMS: Final = ("add_view", "change_view")
CONFIRMED: Final = ("delete_view", "user_change_password")
"""Views that show their page again for a reason that is missing; what was posted to them is little, or secret."""
OWN: Final = ("password_change", "logout")
"""Views of the site in which somebody does something with their own account."""
SHOWING: Final = ("changelist_view", "history_view", "autocomplete_view")

View = Callable[..., HttpResponseBase]


def admin_view(original: Any) -> Any:
    """Wrap ``AdminSite.admin_view``: every view that goes through it passes the gate, inside its own checks."""

    def admin_view(self: AdminSite, view: View, cacheable: bool = False) -> Any:
        return original(self, _gated(self, view), cacheable)

    return admin_view


def _gated(site: AdminSite, view: Any) -> View:
    inner = view
    while not isinstance(getattr(inner, "__self__", None), (ModelAdmin, AdminSite)) and hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    owner, name = getattr(inner, "__self__", None), getattr(inner, "__name__", "")
    if isinstance(owner, AdminSite) and name in OWN:
        return view
    model_admin = owner if isinstance(owner, ModelAdmin) else None

    @wraps(view)
    def gated(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not conf.REASONS:
            return view(request, *args, **kwargs)
        run: Callable[[], HttpResponseBase] = lambda: view(request, *args, **kwargs)  # noqa: E731
        needs = model_admin is not None and _needs(model_admin, request)
        token = field.asking.set(model_admin if needs else None)
        try:
            if request.method in SAFE:  # it shows, but a view of the host's own may write all the same
                return _unless_refused(request, site, (lambda: _shown(run(), name)) if needs else run)
            if reason := field.given(request):
                with context(reason=reason), ask.as_asked(request):
                    return run()
            if not needs or model_admin is None:
                with ask.as_asked(request):
                    return _unless_refused(request, site, run)
            return _refused(request, site, run, name, model_admin)
        finally:
            field.asking.reset(token)

    return gated


def _needs(model_admin: ModelAdmin[Any], request: HttpRequest) -> bool:
    """Whether its pages change a model that is named: its own, or one in a list of its form."""
    inlines = [inline.model for inline in model_admin.get_inlines(request, None)]
    return any(names(conf.REASONS, model) for model in (model_admin.model, *inlines))


def _refused(
    request: HttpRequest, site: AdminSite, run: Callable[[], HttpResponseBase], name: str, model_admin: ModelAdmin[Any]
) -> HttpResponseBase:
    """The answer to something posted without a reason, to a page that needs one; nothing is written."""
    if name in FORMS:  # the form itself is invalid without it, and keeps what was entered
        return _unless_refused(request, site, lambda: _shown(run(), name))
    if name in CONFIRMED:
        with ask.as_get(request):
            response = run()
        field.add_to(response, refused=True)
        return response
    if name == "changelist_view" and _only_asks(request, model_admin):
        response = _unless_refused(request, site, run)
        field.add_to(response)
        return response
    return ask.page(request, site)


def _only_asks(request: HttpRequest, model_admin: ModelAdmin[Any]) -> bool:
    """Whether it is the first step of Django's *delete selected*, which shows what it would delete."""
    if request.POST.get("action") != "delete_selected" or "post" in request.POST or "_save" in request.POST:
        return False
    action: Any = model_admin.get_actions(request).get("delete_selected")
    return action is not None and action[0] is delete_selected


def _shown(response: HttpResponseBase, name: str) -> HttpResponseBase:
    if name not in SHOWING:
        field.add_to(response)
    return response


def _unless_refused(request: HttpRequest, site: AdminSite, run: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Run the view; if it is about to write a named model, undo what it has done in this request, and ask."""
    token = refusing.set(_refuse)
    try:
        with _undone_with_it():
            return run()
    except ReasonMissing:
        return ask.page(request, site)
    finally:
        refusing.reset(token)


def _refuse(model: type) -> None:
    if names(conf.REASONS, model):
        raise ReasonMissing(f"{field.MISSING} {model._meta.label} is in REASONS.")  # type: ignore[attr-defined]


@contextmanager
def _undone_with_it() -> Iterator[None]:
    """A savepoint, where the request is in a transaction anyway (``ATOMIC_REQUESTS``), which then goes on."""
    with ExitStack() as savepoints:
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block:
                savepoints.enter_context(transaction.atomic(using=connection.alias))
        yield
