"""The app's own loggers mask what they say, in a project whose formatter masks nothing (G7)."""

from __future__ import annotations

import ast
import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError

import signal_log
from signal_log.errors import LogUnavailable
from signal_log.show import paced
from signal_log.tail import consumer, layer, layer_publisher, outage
from tests.coroutines import run

ADDRESS = "redis://:pl4nted@h/0 said password='pl4nted'"
APP = Path(signal_log.__file__).parent


def refuse(*_: Any, **__: Any) -> Any:
    raise OSError(ADDRESS)


async def nothing(*_: Any) -> None:
    pass


async def the_log_is_unreadable() -> None:
    problem = LogUnavailable(ADDRESS)
    problem.__cause__ = OperationalError(f'connection to server at "h" failed: {ADDRESS}')
    await outage.Outage(lambda *_: None, lambda: None, nothing).failed(problem)


async def the_layer_does_not_work() -> None:
    watch = layer.LayerWatch(lambda: None, lambda works: None)
    listening = asyncio.create_task(watch.run())
    await asyncio.sleep(0.01)
    listening.cancel()


async def a_ring_fails() -> None:
    ringing = asyncio.create_task(layer_publisher.LayerPublisher("host:1")._publish())
    await ringing


async def nobody_can_be_authenticated() -> None:
    async def connecting() -> dict[str, str]:
        return {"type": "websocket.connect"}

    await consumer.event_socket({"type": "websocket", "user": None}, connecting, nothing)


OCCASIONS = (the_log_is_unreadable, the_layer_does_not_work, a_ring_fails, nobody_can_be_authenticated)


@pytest.mark.one_database
@pytest.mark.parametrize("occasion", OCCASIONS)
def test_what_goes_wrong_is_told_without_secrets(
    occasion: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver's or a layer's message may hold the address with its password."""
    monkeypatch.setattr(outage, "RETRY_AFTER", 0)
    for module in (layer, layer_publisher):
        monkeypatch.setattr(module, "remote_layer", lambda: SimpleNamespace(new_channel=refuse, group_send=refuse))

    def admit(_: Any) -> Any:
        raise OperationalError(ADDRESS)

    monkeypatch.setattr(consumer, "admit", admit)
    with caplog.at_level(logging.DEBUG, "signal_log"):
        run(occasion())
    assert [record.levelname for record in caplog.records if record.name.startswith("signal_log")] == ["WARNING"]
    assert "pl4nted" not in caplog.text
    assert "Error" in caplog.text


def test_no_logger_shows_a_traceback_as_it_is() -> None:
    """A traceback shows messages and lines of source: ``traceback_text`` masks the ones and leaves out the others."""
    for file in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("logger."):
                assert ast.unparse(node.func) != "logger.exception", (file.name, node.lineno)
                assert "exc_info" not in {keyword.arg for keyword in node.keywords}, (file.name, node.lineno)
    assert paced.logger.name.startswith("signal_log.")
