"""Baseline (a): the consumer of the Channels tutorial, the payload in ``group_send``, on the pubsub layer."""

from __future__ import annotations

import os
from typing import Any, Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")

import django

django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

GROUP: Final = "textbook"


class EventConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Joins the group and forwards what arrives."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def event(self, message: dict[str, Any]) -> None:
        """Send one event to this socket."""
        await self.send_json(message["event"])


routes: Any = [path("ws/events/", EventConsumer.as_asgi())]
application = ProtocolTypeRouter({"websocket": URLRouter(routes)})
