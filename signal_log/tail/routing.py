"""The websocket's address; put ``websocket_urlpatterns`` behind the host's origin check and log-in."""

from __future__ import annotations

from django.urls import path

from signal_log.tail.consumer import event_socket

websocket_urlpatterns = [path("ws/events/", event_socket)]
