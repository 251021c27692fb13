"""Refuses an address with more fields than Django takes, before anything asks for the fields again.

Django raises at each look at ``request.GET``. Its error reports look again, so each middleware around a view would make
another report of a longer chain of errors: thirty seconds of a core for one anonymous request, and no page at the end.
(What is posted is looked at once: Django takes care of that itself.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest, HttpResponseBadRequest, QueryDict
from django.template.loader import render_to_string
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def refuse_too_many_fields(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware, to be the first one."""
    if iscoroutinefunction(get_response):

        async def middleware_async(request: HttpRequest) -> Any:
            return refusal(request) or await get_response(request)

        return middleware_async

    def middleware(request: HttpRequest) -> Any:
        return refusal(request) or get_response(request)

    return middleware


def refusal(request: HttpRequest) -> HttpResponseBadRequest | None:
    """The page that says no, or None for a request in order."""
    try:
        request.GET  # noqa: B018  Django counts when it is read
    except TooManyFieldsSent:
        request.GET = QueryDict()
        return HttpResponseBadRequest(render_to_string("400.html"))
    return None
