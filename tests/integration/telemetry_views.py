"""Views and receivers whose telemetry the tests look at, and what they read it with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from signal_log.models import ReceiverCall, SignalTrace
from tests.shop.models import Category


def restock(sender: Any, instance: Any, **_: Any) -> None:
    """A receiver with one query and, for some objects, an exception."""
    Category.objects.filter(name="nothing").exists()
    if instance.name == "broken":
        raise ValueError("the shelf is broken")


@contextmanager
def restocking() -> Iterator[None]:
    """Have ``restock`` called after each save of a category."""
    post_save.connect(restock, sender=Category)
    try:
        yield
    finally:
        post_save.disconnect(restock, sender=Category)


def save(request, name):
    """Save one category."""
    Category.objects.create(name=name)
    return HttpResponse("saved", status=201)


@transaction.atomic
def undo(request, name):
    """Save one in a block that is rolled back."""
    Category.objects.create(name=name)
    transaction.set_rollback(True)
    return HttpResponse("undone", status=409)


def look(request):
    """Record nothing."""
    return HttpResponse("nothing")


def stream(request):
    """Save two, with a pause for the client in between."""
    Category.objects.create(name="before")
    return StreamingHttpResponse(part for part in ("one", "two"))


@transaction.non_atomic_requests
async def asave(request, name):
    """Save one in an async view."""
    await Category.objects.acreate(name=name)
    return HttpResponse("saved")


urlpatterns = [
    path("save/<name>/", save),
    path("token/<token>/", lambda request, token: save(request, "by token")),
    path("undo/<name>/", undo),
    path("look/", look),
    path("stream/", stream),
    path("asave/<name>/", asave),
]


def traces(*columns: str) -> list[Any]:
    """Return these columns of every trace, in order."""
    return list(SignalTrace.objects.order_by("id").values_list(*columns, flat=len(columns) == 1))


def calls(*columns: str) -> list[Any]:
    """Return these columns of every receiver's call, in order."""
    return list(ReceiverCall.objects.order_by("id").values_list(*columns, flat=len(columns) == 1))
