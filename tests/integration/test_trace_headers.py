"""A response in development, and each line of the server's log, name their trace."""

from __future__ import annotations

import io
import logging
import logging.config
import re
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.models import SignalEvent
from tests.shop.models import Category


def view(request: HttpRequest) -> HttpResponse:
    """Save, and log a line."""
    Category.objects.create(name="made")
    logging.getLogger("shop").warning("made")
    return HttpResponse(headers={"Server-Timing": "db;dur=5"})


@pytest.mark.django_db(transaction=True)
def test_headers_and_log_lines_name_the_trace(settings: Any) -> None:
    """Under DEBUG only; a host's own Server-Timing stays."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    configured = logging.config.DictConfigurator({"filters": {"trace": {"()": "signal_log.logging.TraceFilter"}}})
    handler.addFilter(configured.configure_filter(configured.config["filters"]["trace"]))
    handler.setFormatter(logging.Formatter("%(signal_trace)s %(message)s"))
    logging.getLogger("shop").addHandler(handler)
    try:
        settings.DEBUG = True
        response = SignalLogMiddleware(view)(RequestFactory().post("/"))
        logging.getLogger("shop").warning("outside")
        settings.DEBUG = False
        silent = SignalLogMiddleware(lambda request: HttpResponse())(RequestFactory().get("/"))
    finally:
        logging.getLogger("shop").removeHandler(handler)
    trace = str(SignalEvent.objects.values_list("trace_id", flat=True).distinct().get())
    assert written.getvalue() == f"{trace} made\n- outside\n"
    assert response.headers["X-Signal-Trace"] == trace
    told = response.headers["Server-Timing"]
    assert re.fullmatch(rf'db;dur=5, signals;dur=\d+\.\d;desc="POST 1 operation {trace}"', told), told
    assert "X-Signal-Trace" not in silent.headers
    assert "Server-Timing" not in silent.headers
