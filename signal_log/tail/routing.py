"""The websocket's address; put ``websocket_urlpatterns`` behind the host's origin check and log-in."""

from __future__ import annotations

from typing import Any, cast

from django.urls import path

from signal_log.tail.consumer import event_socket

# Channels routes ASGI applications by Django's patterns, whose types only know views.
websocket_urlpatterns = [path("ws/events/", cast(Any, event_socket))]
