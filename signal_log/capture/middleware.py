"""Begins a trace at every request, so that its events know the request and the actor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest

from signal_log.capture.trace.context import request_scene
from signal_log.capture.trace.trace import trace_of


class SignalLogMiddleware:
    """Costs no query and reads neither session nor user; sync and async."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self.acall(request)
        with trace_of(partial(request_scene, request)):
            return self.get_response(request)

    async def acall(self, request: HttpRequest) -> Any:
        """The same under an async server."""
        response: Awaitable[Any]
        with trace_of(partial(request_scene, request)):
            response = self.get_response(request)
            return await response
