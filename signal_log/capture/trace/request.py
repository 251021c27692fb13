"""The trace of a request: it begins in the middleware, and ends when the response has gone out and is closed."""

from __future__ import annotations

import logging
from contextvars import Token
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from signal_log.capture.model.error_text import error_text
from signal_log.capture.trace import headers
from signal_log.capture.trace.actor import is_logged_out, request_actor
from signal_log.capture.trace.context import request_context
from signal_log.capture.trace.membership import join
from signal_log.capture.trace.outer_span import named_by_header
from signal_log.capture.trace.posted import Posted, asked
from signal_log.capture.trace.session_token import forget_cookie, named_in
from signal_log.capture.trace.stream import continue_trace
from signal_log.capture.trace.trace import Trace, current_trace, end_trace
from signal_log.conf import conf

logger = logging.getLogger("signal_log")


class RequestTrace:
    """While the middleware runs: the request's own trace, unless the request is served within another one."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.trace: Trace | None = None
        self._token: Token[Trace | None] | None = None

    def __enter__(self) -> RequestTrace:
        if current_trace.get() is None:
            self.trace = Trace(request_context(self.request))
            self.trace.gathered.lone = False
            if self.trace.gathered.outer_span is None and conf.TRUSTED_PROXIES:  # as with X-Request-ID
                self.trace.gathered.outer_span = named_by_header(self.request.META)
            self.trace.gathered.posted = Posted(self.request)
            join(self.trace, named_in(self.request.META))
            if (deeper := self.trace.gathered.deeper) is not None:
                deeper.asked = partial(asked, self.request, self.trace)
            self._token = current_trace.set(self.trace)
        return self

    def answered(self, response: Any) -> Any:
        """Note the response's status and have the trace end with it, streams included; returns the response."""
        continue_trace(response)
        if self.trace is not None:
            self.trace.gathered.status = str(getattr(response, "status_code", ""))
            end_with_response(self.request, self.trace)
            self._keep_to_its_owner(response)
            if settings.DEBUG:
                headers.tell(self.trace, response)
        return response

    def _keep_to_its_owner(self, response: Any) -> None:
        """A browser whose session records one account forgets it when that logs out, or another has logged in."""
        if self.trace is None or not (owned := self.trace.gathered.owned) or not hasattr(response, "delete_cookie"):
            return
        try:
            actor = request_actor(self.request).pk
            if is_logged_out(self.request) or (actor and not all(each.is_of(actor) for each in owned)):
                forget_cookie(response)
        except Exception as error:  # noqa: BLE001  never the host's problem
            logger.warning("A session's cookie could not be taken back: %s", error_text(error))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: Any) -> None:
        if self._token is not None:
            current_trace.reset(self._token)
        if error is not None and self.trace is not None:  # cancelled, or the process is about to stop
            self.trace.gathered.raised(error)
            end_trace(self.trace)


def end_with_response(request: HttpRequest, trace: Trace) -> None:
    """End the trace when Django closes the response, in the thread that does and right before ``request_finished``.

    Django then closes the request too, whichever response reached it: an outer middleware may have made its own.
    """
    close = type(request).close

    def closing() -> None:
        request.__dict__.pop("close", None)
        try:
            close(request)
        finally:
            end_trace(trace)

    request.__dict__["close"] = closing
