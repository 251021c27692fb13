"""Which methods an address answers; any other is answered with a sentence, where Django's 405 is an empty page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.utils.log import log_response

from signal_log.permission import may_see_events
from signal_log.show.access import CONTENT_SECURITY_POLICY
from signal_log.show.links import url

READING: Final = ("GET", "HEAD")
ONLY_READ: Final = "This address is only for reading, and nothing was changed. Open it without sending a form to it."
ONLY_POSTED: Final = "This address is what a button sends its form to; opened by itself it does nothing."
OTHER: Final = "This address answers other methods than the one it was asked with, and nothing was changed."

View = TypeVar("View", bound=Callable[..., Any])


def only(*methods: str, instead: str = "live") -> Callable[[View], View]:
    """Decorate a view, sync or async, that answers these methods; ``instead`` names the page to go to from others."""

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):

            @wraps(view)
            async def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                if request.method in methods:
                    return await view(request, *args, **kwargs)
                return _logged(request, _sentence(methods), methods)

        else:

            @wraps(view)
            def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                if request.method in methods:
                    return view(request, *args, **kwargs)
                return _refused(request, methods, instead)

        return checked  # type: ignore[return-value]

    return decorate


def reads(view: View) -> View:
    """Decorate a view that only reads."""
    return only(*READING)(view)


def _refused(request: HttpRequest, methods: tuple[str, ...], instead: str) -> HttpResponse:
    """A page for people who may see the log, a line of text for programs and everybody else."""
    why = _why(methods)
    if not _is_read_by_observer(request):
        return _logged(request, _sentence(methods), methods)
    address, words = request.get_full_path(), "Open it"
    if "GET" not in methods:
        address, words = url(instead), f"Go to {'sessions' if instead == 'sessions' else 'the live page'}"
    context = {"title": "Nothing was done", "status": 405, "reason": why, "address": address, "words": words}
    response = _logged(request, render_to_string("signal_log/not_found.html", context, request), methods)
    response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def _is_read_by_observer(request: HttpRequest) -> bool:
    if not request.accepts("text/html") or "Accept" not in request.headers:
        return False
    try:
        user = getattr(request, "user", None)
        return user is not None and may_see_events(user)
    except DatabaseError:
        return False


def _logged(request: HttpRequest, content: str, methods: tuple[str, ...]) -> HttpResponse:
    response = HttpResponseNotAllowed(methods, content, content_type="text/plain; charset=utf-8")
    log_response("Method Not Allowed (%s): %s", request.method, request.path, response=response, request=request)
    return response


def _why(methods: tuple[str, ...]) -> str:
    if "POST" not in methods:
        return ONLY_READ
    return OTHER if "GET" in methods else ONLY_POSTED


def _sentence(methods: tuple[str, ...]) -> str:
    return f"{_why(methods)} It answers {' and '.join(filter(None, [', '.join(methods[:-1]), methods[-1]]))}.\n"
