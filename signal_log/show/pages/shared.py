"""Shared views, visible to everyone who may see events: listing, sharing and deleting them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_protect

from signal_log import clock
from signal_log.conf import conf
from signal_log.errors import SharedViewError
from signal_log.models import SharedView
from signal_log.seal.canonical import timestamp
from signal_log.show.access import for_observers
from signal_log.show.formats import formats
from signal_log.show.links import url
from signal_log.show.methods import READING, only
from signal_log.show.query.shared_query import checked, for_history
from signal_log.show.words.text import one_line

MAX_SHARED: Final = 100
LONGEST_NAME: Final = 60
ADD: Final = "signal_log.add_sharedview"
DELETE: Final = "signal_log.delete_sharedview"


@csrf_protect
@only(*READING, "POST")
@for_observers
@formats("json")
def shared_views(request: HttpRequest) -> JsonResponse:
    """List all views with the user's permissions on each; a POST of ``name`` and ``query`` adds one."""
    if request.method == "POST":
        if not request.user.has_perm(ADD):
            return _refused(f"Sharing a view needs the permission {ADD}. Ask an administrator to grant it.", 403)
        try:
            share(request.user, request.POST.get("name", ""), request.POST.get("query", ""))
        except SharedViewError as error:
            return _refused(str(error), 400)
    return _answer(request.user)


@csrf_protect
@only("POST", instead="live")
@for_observers
def stop_sharing(request: HttpRequest, number: int) -> JsonResponse:
    """Delete a view, allowed for its owner and users with the permission; a missing view is not an error."""
    view = all_views().filter(pk=number).first()
    if view is not None:
        if not _may_stop_sharing(request.user, view):
            return _refused(
                f"Only {one_line(view.shared_by_repr)} or an account with {DELETE} can stop sharing it.", 403
            )
        view.delete()
    return _answer(request.user)


def all_views() -> QuerySet[SharedView]:
    """All shared views by name, from the log's database."""
    return SharedView.objects.using(conf.DATABASE)


def in_history() -> Iterator[dict[str, Any]]:
    """Each view as a link into the history, for the page that needs no script."""
    for view in all_views():
        query = for_history(view.query)
        yield {"view": view, "url": f"{url('events')}?{query}" if query else url("events")}


def share(user: Any, name: str, query: str) -> SharedView:
    """Share a view under a unique name; raises ``SharedViewError``."""
    view = SharedView(
        name=_named(name),
        query=checked(query),
        shared_by_pk=str(user.pk)[:255],
        shared_by_repr=str(user.get_username())[:200],
        shared_at=clock.now(),
    )
    other = all_views().filter(name__iexact=view.name).first()
    if other is not None:
        raise SharedViewError(_taken(other.name))
    if all_views().count() >= MAX_SHARED:
        raise SharedViewError(f"{MAX_SHARED} views are already shared, which is the limit. Stop sharing one first.")
    try:
        with transaction.atomic(using=conf.DATABASE):
            view.save(using=conf.DATABASE, force_insert=True)
    except IntegrityError:  # a concurrent request was first
        raise SharedViewError(_taken(view.name)) from None
    return view


def _named(text: str) -> str:
    name = unicodedata.normalize("NFC", text.strip())
    if not name:
        raise SharedViewError("Give the view a name, so that others can find it.")
    if len(name) > LONGEST_NAME:
        raise SharedViewError(f"The name is {len(name):,} characters long. The limit is {LONGEST_NAME}.")
    if one_line(name, LONGEST_NAME) != name:
        raise SharedViewError(f"The name contains invisible characters: {one_line(name, 200)}. Type it again.")
    return name


def _taken(name: str) -> str:
    return f"A view named “{name}” is already shared. Choose another name, or stop sharing that one first."


def _may_stop_sharing(user: Any, view: SharedView) -> bool:
    return bool(str(user.pk) == view.shared_by_pk or user.has_perm(DELETE))


def _answer(user: Any) -> JsonResponse:
    views = [
        {
            "id": view.pk,
            "name": view.name,
            "query": view.query,
            "by": view.shared_by_repr,
            "at": timestamp(view.shared_at),
            "removable": _may_stop_sharing(user, view),
        }
        for view in all_views()
    ]
    return JsonResponse({"views": views, "may_share": user.has_perm(ADD)})


def _refused(text: str, status: int) -> JsonResponse:
    return JsonResponse({"error": text}, status=status)
