"""Starts, stops, finds and removes recorded sessions."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import DataError, IntegrityError, transaction
from django.db.models import QuerySet

from signal_log import clock
from signal_log.capture.model.keys import key_text
from signal_log.capture.trace.membership import running
from signal_log.capture.trace.session_token import make_token
from signal_log.conf import conf
from signal_log.errors import SessionError
from signal_log.models import DebugSession, SessionTrace
from signal_log.telemetry.sessions import KEPT, looks

LONGEST_NAME: Final = 60
MOST_RUNNING: Final = 5
"""Sessions that run at once: each has its own copy of what it records."""
LASTS: Final = timedelta(hours=1)
EVERYTHING_LASTS: Final = timedelta(minutes=15)
TIME_IS_UP: Final = "Its time was up."
STOPPED: Final = "Stopped."

Scope = DebugSession.Scope


def all_sessions() -> QuerySet[DebugSession]:
    """The sessions that have not expired, newest first."""
    return DebugSession.objects.using(conf.DATABASE).filter(expires_at__gt=clock.now()).defer("tasks")


def caught(session: DebugSession) -> QuerySet[SessionTrace]:
    """The traces of a session, oldest first."""
    return SessionTrace.objects.using(conf.DATABASE).filter(session=session).order_by("started_at", "id")


def is_running(session: DebugSession) -> bool:
    """Whether it takes more traces."""
    return session.ended_at is None and session.stops_at > clock.now()


def why_ended(session: DebugSession) -> str:
    """Why it takes no more; empty while it does."""
    if is_running(session):
        return ""
    return session.why_ended or TIME_IS_UP


def find(text: str) -> DebugSession:
    """The session of this name or, if none has it, of this id; raises ``SessionError``."""
    found = all_sessions().filter(name=unicodedata.normalize("NFC", text.strip())).first()
    if found is None and text.isascii() and text.isdigit() and len(text) < 19:
        found = all_sessions().filter(pk=int(text)).first()
    if found is None:
        names = ", ".join(f"“{name}”" for name in all_sessions().values_list("name", flat=True)[:10])
        raise SessionError(
            f"There is no session “{text[:60]}”. {f'There are: {names}.' if names else 'There is none.'}"
        )
    return found


def start(name: str, scope: str, *, target: str = "", by: Any = None) -> DebugSession:
    """Start a session under a name that no other has; raises ``SessionError``."""
    now = clock.now()
    name = checked_name(name)
    running_now = list(all_sessions().filter(ended_at=None, stops_at__gt=now)[:MOST_RUNNING])
    if len(running_now) == MOST_RUNNING:
        names = ", ".join(f"“{one.name}”" for one in running_now)
        raise SessionError(f"{MOST_RUNNING} sessions are running, which is as many as may: {names}. Stop one first.")
    stops_at = now + (EVERYTHING_LASTS if scope == Scope.EVERYTHING else LASTS)
    session = DebugSession(
        name=name,
        scope=scope,
        target=_user(target) if scope == Scope.USER else target[:255],
        started_by_pk="" if by is None else str(by.pk)[:255],
        started_by_repr="" if by is None else str(by.get_username())[:200],
        started_at=now,
        stops_at=stops_at,
        expires_at=stops_at + KEPT,
    )
    save(session)
    looks.next_at = float("-inf")
    if scope == Scope.EVERYTHING:
        running.everything = (*running.everything, session.pk)
    elif scope == Scope.USER:
        running.users = {**running.users, session.target: (*running.users.get(session.target, ()), session.pk)}
    return session


def save(session: DebugSession, traces: Sequence[SessionTrace] = ()) -> None:
    """Store a new session with its traces, all or nothing; raises ``SessionError`` if its name is taken."""
    prune(session.name)
    if all_sessions().filter(name=session.name).exists():
        raise SessionError(_taken(session.name))
    try:
        with transaction.atomic(using=conf.DATABASE):
            session.save(using=conf.DATABASE, force_insert=True)
            for one in traces:
                one.session = session
            SessionTrace.objects.using(conf.DATABASE).bulk_create(traces, batch_size=200)
    except IntegrityError as error:
        if not all_sessions().filter(name=session.name).exists():
            raise SessionError(f"The session cannot be stored: {str(error).strip()}") from error
        raise SessionError(_taken(session.name)) from None  # a concurrent request was first


def stop(session: DebugSession, why: str = STOPPED) -> bool:
    """Stop it; False if it had ended before."""
    now = clock.now()
    found = DebugSession.objects.using(conf.DATABASE).filter(pk=session.pk, ended_at=None, stops_at__gt=now)
    ended = bool(found.update(ended_at=now, expires_at=now + KEPT, why_ended=why[:200]))
    running.ended(session.pk)
    running.everything = tuple(each for each in running.everything if each != session.pk)
    looks.next_at = float("-inf")
    session.refresh_from_db(using=conf.DATABASE)
    return ended


def prune(name: str) -> None:
    """Remove the session of this name if it has expired; the others go bit by bit (``telemetry/sessions.py``)."""
    gone = DebugSession.objects.using(conf.DATABASE).filter(expires_at__lte=clock.now(), name=name)
    numbers = list(gone.values_list("pk", flat=True))
    if numbers:
        with transaction.atomic(using=conf.DATABASE):
            SessionTrace.objects.using(conf.DATABASE).filter(session__in=numbers)._raw_delete(conf.DATABASE)
            DebugSession.objects.using(conf.DATABASE).filter(pk__in=numbers)._raw_delete(conf.DATABASE)


def token(session: DebugSession, *, account: str = "", login: str = "") -> str:
    """What a cookie, a header or the environment carries for it; a cookie's for one account's browser alone."""
    return make_token(session.scope, session.pk, int(session.stops_at.timestamp()), account=account, login=login)


def checked_name(text: str) -> str:
    """The name in its canonical form; raises ``SessionError`` if it cannot be one."""
    name = unicodedata.normalize("NFC", text.strip())
    if not name:
        raise SessionError("Give the session a name.")
    if len(name) > LONGEST_NAME:
        raise SessionError(f"The name is {len(name):,} characters long. The limit is {LONGEST_NAME}.")
    if not name.isprintable():
        raise SessionError("The name contains characters that cannot be seen. Type it again.")
    if name.isascii() and name.isdigit():
        raise SessionError("A name of digits only would read like a session's number. Add a word.")
    return name


def _user(text: str) -> str:
    """The key of the user of this name."""
    try:
        model = get_user_model()
    except ImproperlyConfigured:
        raise SessionError("This project has no accounts, so none can be recorded: record everything.") from None
    wanted = text.strip()
    try:
        user = model._default_manager.filter(**{model.USERNAME_FIELD: wanted}).first() if wanted else None
    except (ValueError, TypeError, ValidationError, DataError):  # names are numbers there, or hold no such character
        user = None
    if user is None:
        raise SessionError(f"There is no user “{wanted[:60]}”." if wanted else "Name the user whose work to record.")
    return key_text(user)


def targets(sessions: Collection[DebugSession]) -> dict[int, str]:
    """What each session covers, by its id: of one user's, who that is, as far as the account is still there."""
    of_users = {session.pk for session in sessions if session.scope == Scope.USER and session.target}
    keys = {session.target for session in sessions if session.pk in of_users}
    names: dict[str, str] = {}
    if keys:
        with suppress(ValueError, ValidationError, ImproperlyConfigured):  # a key of another kind of user
            users = get_user_model()._default_manager.filter(pk__in=keys)
            names = {key_text(user): str(user.get_username()) for user in users}
    return {
        session.pk: names.get(session.target, f"key {session.target}") if session.pk in of_users else session.target
        for session in sessions
    }


def _taken(name: str) -> str:
    return f"There is already a session “{name}”. Choose another name."
