"""Records who has looked at an object of the models in ``READS``: in the admin, in the log, or where the host says so.

The log then holds an event ``accessed`` with the actor, the object, the path and the request. Nothing that fails here
reaches the host: it is logged and counted as any fault of the recorder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.db.models import Model
from django.http import HttpRequest

from signal_log.audit.named_models import names
from signal_log.capture.api import context
from signal_log.capture.faults import faults
from signal_log.capture.model.object_text import repr_of
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import plan_of
from signal_log.capture.pausing import paused
from signal_log.capture.signals.extra_event import close, close_in_thread, in_event_loop
from signal_log.capture.trace.context import default_context
from signal_log.capture.trace.draft import Draft
from signal_log.capture.trace.opening import open_event, open_scene
from signal_log.capture.trace.trace import ensure_trace
from signal_log.conf import conf
from signal_log.event import ACCESSED
from signal_log.interruption import let_interruption_pass

ADMIN_VIEWS: Final = ("change_view", "history_view")
"""The views of a ModelAdmin that show one object."""
OBJECT_PAGES: Final = ("object", "object_by_query", "restore", "restore_form")
"""The pages of the log that show one object."""
SHOWN: Final = 200
"""The status of an answer that shows something."""


class Seen(NamedTuple):
    """What somebody has looked at: an object, or its key; or how many of a model; or all of it, as it happens."""

    model: type[Model]
    instance: Model | None = None
    pk: str = ""
    objects: int = 0
    live: bool = False

    @property
    def labels(self) -> dict[str, Any]:
        """What the event says of several objects."""
        return {"live": True} if self.live else {"objects": self.objects} if self.objects else {}

    @property
    def words(self) -> str:
        """What was shown where it was not one object; else empty."""
        if self.live:
            return "the live page"
        options = self.model._meta
        nouns = options.verbose_name if self.objects == 1 else options.verbose_name_plural
        return f"{self.objects:,} {nouns}" if self.objects else ""


def viewed(*objects: Model) -> None:
    """Say that somebody is shown these objects: one event for each whose model ``READS`` names, else nothing.

    Call it in the view that shows them. It takes the actor and the request from the current trace, makes no query
    about other models, and never raises for what fails while it records.
    """
    for each in objects:
        if not isinstance(each, Model):
            raise TypeError(f"viewed() takes objects of models, as in viewed(order), not {each!r}.")
    record_seen([Seen(type(each), each) for each in objects])


def look(request: HttpRequest, response: Any) -> Callable[[], None] | None:
    """What an answer has shown of the models in ``READS``: recorded before it goes out, but not for ``HEAD``."""
    if not conf.READS or getattr(response, "status_code", None) != SHOWN or request.method == "HEAD":
        return None
    try:
        seen = _in_admin(request, response) or _in_log(request)
        is_named = seen is not None and names(conf.READS, seen.model)
    except Exception as error:  # noqa: BLE001  a host's admin may have put anything there
        faults.report("a page that was looked at", error)
        return None
    return partial(record_seen, [seen], by_page=True) if seen is not None and is_named else None


def record_seen(seen: Sequence[Seen], *, by_page: bool = False) -> None:
    """Write an event for each of these objects whose model is named.

    With ``by_page`` no line of the host's has asked for it: the innermost would be a middleware's.
    """
    if not conf.READS or paused.get():
        return
    for each in seen:
        try:
            if names(conf.READS, each.model):
                with ensure_trace(default_context), context(**each.labels):
                    _record(_draft(each, by_page=by_page))
        except Exception as error:  # noqa: BLE001  never the host's problem
            let_interruption_pass(error)
            faults.report(f"a look at {each.model._meta.label}", error)


def _draft(seen: Seen, *, by_page: bool) -> Draft:
    using = seen.instance._state.db if seen.instance is not None else None
    scene = open_scene(seen.model._meta.label, using or conf.DATABASE)
    if by_page:
        scene.call_site = ""
    draft = open_event(scene, ACCESSED)
    draft.object_pk, draft.object_repr = seen.pk, seen.words
    if seen.instance is not None:
        plan = plan_of(seen.model) or Plan(seen.model)
        draft.object_pk = plan.key(seen.instance)
        draft.object_repr = repr_of(plan, seen.instance)
    return draft


def _record(draft: Draft) -> None:
    if in_event_loop():
        close_in_thread(draft)
    else:
        close(draft)


def _in_admin(request: HttpRequest, response: Any) -> Seen | None:
    """The object that a view of a ModelAdmin has shown; its page has it, so nothing is read."""
    match = request.resolver_match
    view = getattr(match, "func", None)
    model_admin = getattr(view, "model_admin", None)
    if match is None or model_admin is None or getattr(view, "__name__", "") not in ADMIN_VIEWS:
        return None
    page = getattr(response, "context_data", None) or {}
    for name in ("original", "object"):
        if isinstance(shown := page.get(name), model_admin.model):
            return Seen(type(shown), shown)
    from django.contrib.admin.utils import unquote  # hosts may be without the admin

    given = match.kwargs.get("object_id", "")
    return Seen(model_admin.model, pk=unquote(str(given)))


def _in_log(request: HttpRequest) -> Seen | None:
    """The object whose history or state was shown on a page of the log, which has its values too."""
    match = request.resolver_match
    if match is None or match.app_name != "signal_log" or match.url_name not in OBJECT_PAGES:
        return None
    asked = {**request.GET.dict(), **match.kwargs}
    try:
        model = apps.get_model(str(asked.get("label", "")))
    except (LookupError, ValueError):
        return None
    return Seen(model, pk=str(match.kwargs.get("pk") or request.GET.get("pk", "")))
