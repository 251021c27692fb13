"""Starts a trace for every request, so that its events carry the request and the actor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest

from signal_log.capture.trace import answers
from signal_log.capture.trace.request import RequestTrace


class SignalLogMiddleware:
    """Runs no query and loads neither the session nor the user; works sync and async."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            # Django would call the other one in a thread, for each page.
            self.process_template_response = self.aprocess_template_response  # type: ignore[method-assign]

    def process_template_response(self, request: HttpRequest, response: Any) -> Any:
        """Let the app's own pages inside the host's be added; no query is made before the page is rendered."""
        return answers.dressed(request, response)

    async def aprocess_template_response(self, request: HttpRequest, response: Any) -> Any:
        """The async variant of it."""
        return answers.dressed(request, response)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self.acall(request)
        with RequestTrace(request) as trace:
            response = self.get_response(request)
            for work in answers.due(request, response):
                work()
            return trace.answered(response)

    async def acall(self, request: HttpRequest) -> Any:
        """The async variant of ``__call__``."""
        answer: Awaitable[Any]
        with RequestTrace(request) as trace:
            answer = self.get_response(request)
            response = await answer
            for work in answers.due(request, response):
                await sync_to_async(work)()
            return trace.answered(response)
