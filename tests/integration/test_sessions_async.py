"""Recorded sessions of async views: the ORM works in a thread, where no frame is the view's own."""

from __future__ import annotations

import asyncio
import json

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from signal_log.capture.trace import awaiting
from signal_log.telemetry import keeper, recorded
from tests.shop.models import Category

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integration.test_sessions_async"),
    pytest.mark.usefixtures("_nothing_waits", "_nothing_runs"),
]


async def shelve(name: str) -> None:
    """What a view calls."""
    await Category.objects.acreate(name=name)


@transaction.non_atomic_requests
async def one(request, name):
    """Save one."""
    await shelve(name)
    return HttpResponse("saved")


@transaction.non_atomic_requests
async def two(request, name):
    """Save two at once, each in a task of its own."""
    await asyncio.gather(shelve(name), shelve(name + " too"))
    return HttpResponse("saved")


urlpatterns = [path("one/<name>/", one), path("two/<name>/", two)]


def stacks(address: str, *, asgi: bool) -> list[list[str]]:
    """The own functions of each operation's stack, innermost first."""
    session = recorded.start(f"{address} {asgi}", "client")
    headers = {"X-Signal-Session": recorded.token(session)}
    if asgi:
        async_to_sync(AsyncClient().get)(address, headers=headers)
        keeper.write_kept(connect=True)
    else:
        Client().get(address, headers=headers)
    kept = json.loads(recorded.caught(session).get().data)
    recorded.stop(session)
    return [
        [frame[0].rpartition(" in ")[2] for frame in kept["stacks"][number] if "test_sessions_async" in frame[0]]
        for number in kept["operations"].values()
    ]


@pytest.mark.parametrize("asgi", [True, False])
def test_an_operations_stack_is_that_of_the_coroutines_that_await_it(asgi):
    """Served under ASGI as under WSGI; tasks that a view starts have their own."""
    assert stacks("/one/toys/", asgi=asgi)[0][:2] == ["shelve", "one"]
    assert [stack[0] for stack in stacks("/two/books/", asgi=asgi)] == ["shelve", "shelve"]


def test_a_server_with_many_tasks_is_asked_for_the_requests_own_alone(monkeypatch):
    """To look through thousands for each statement would be slow."""
    monkeypatch.setattr(awaiting, "MOST_TASKS", 0)
    assert stacks("/one/toys/", asgi=True)[0][:2] == ["shelve", "one"]
    assert "shelve" not in str(stacks("/two/books/", asgi=True))
