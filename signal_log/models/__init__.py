"""The log's tables, all in one database: events, telemetry, sessions, the seal, relays, and what guards the log."""

from __future__ import annotations

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

if apps.apps_ready and apps.get_containing_app_config(__name__) is None:
    raise ImproperlyConfigured('signal_log is used but not installed: add "signal_log" to INSTALLED_APPS.')

from signal_log.models.audit import AlertState
from signal_log.models.breaks import BreakState, FoundBreak
from signal_log.models.event import SignalEvent, loading_fixture
from signal_log.models.guard import GuardedTable, PastWrite
from signal_log.models.log import LogIdentity, LogManager
from signal_log.models.relay import DeadLetter, RelayCursor
from signal_log.models.seal import (
    SealCheckpoint,
    SealTile,
    SealTree,
    SealWitness,
    Verification,
    WitnessedLog,
)
from signal_log.models.sessions import DebugSession, SessionTrace
from signal_log.models.shared import SharedView
from signal_log.models.telemetry import ReceiverCall, SignalTrace

__all__ = [
    "AlertState", "BreakState", "DeadLetter", "DebugSession", "FoundBreak", "GuardedTable", "LogIdentity", "LogManager",
    "PastWrite", "ReceiverCall", "RelayCursor", "SealCheckpoint", "SealTile", "SealTree", "SealWitness", "SessionTrace",
    "SharedView", "SignalEvent", "SignalTrace", "Verification", "WitnessedLog", "loading_fixture",
]  # fmt: skip
