"""Who a request is by: the account, as far as the application itself has found it out, without a query of ours.

Where somebody acts as somebody else, the actor is the person at the keyboard, and the name tells both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.signals import setting_changed
from django.utils.functional import LazyObject, empty

from signal_log.capture.model.keys import key_text, logged_key
from signal_log.capture.model.object_text import without_queries
from signal_log.capture.model.snapshot import clean_truncated
from signal_log.capture.trace.trace import Actor, ActorState
from signal_log.interruption import let_interruption_pass

ANONYMOUS: Final = Actor("", "anonymous")
"""The application found nobody, or would have: the request came without a session or a token."""
UNKNOWN: Final = Actor("", "unknown")
"""Nobody has looked yet who it is, and the recorder must not."""

DEEPEST: Final = 10
"""How many lazy objects around each other are looked through."""
_SESSION_KEY: Final = "_auth_user_id"
_MIDDLEWARE: Final = "django.contrib.auth.middleware"


def request_actor(request: Any) -> Actor:
    """The account of a request, or of the scope of a socket; never raises.

    The account counts as known once the application has looked at ``request.user`` (or ``auser()``) or has set it, as
    token authentication does; before that, the key in the session tells, if the session is loaded.
    """
    try:
        return _actor(vars(request))
    except BaseException as error:  # noqa: BLE001  a host's objects may raise anything
        let_interruption_pass(error)
        return UNKNOWN


def actor_state(held: Mapping[str, Any]) -> ActorState:
    """What ``request_actor`` goes by, of a request's attributes or a scope: the same objects mean the same answer.

    That is the user, or as long as nobody has looked, the session; who acts as somebody else adds an attribute.
    """
    try:
        user = held.get("user")
        found = object.__getattribute__(user, "__dict__")["_wrapped"] if issubclass(type(user), LazyObject) else user
        if issubclass(type(found), LazyObject):
            found = evaluated(found)
        if found is not empty and found is not None:
            return user, found, len(held)
        cache = getattr(evaluated(held.get("session")), "_session_cache", None)
        return user, cache, len(held) * 1_000_000 + (0 if cache is None else len(cache))
    except BaseException as error:  # noqa: BLE001  a host's objects may raise anything
        let_interruption_pass(error)
        return None, object(), 0


def is_logged_out(request: Any) -> bool:
    """Whether the application has found that nobody is logged in, and its session, if it has any, says so too."""
    held = vars(request)
    user, session = _found(held), _loaded_session(held)
    return user is not empty and session is not None and not session.get(_SESSION_KEY) and (
        user is None or not user.is_authenticated
    )  # fmt: skip


def _actor(request: Mapping[str, Any]) -> Actor:
    session = _loaded_session(request)
    user = _found(request)
    if user is not empty:
        if user is None or not user.is_authenticated:
            return ANONYMOUS
        account = _account(user)
    elif session is not None and session.get(_SESSION_KEY):
        account = _keyed(session[_SESSION_KEY])
    else:
        return ANONYMOUS if _would_be_anonymous(request, session) else UNKNOWN
    real = _impersonator(request, session)
    return account if real is None or real.pk == account.pk else _acting_as(real, account)


def evaluated(value: Any) -> Any:
    """What lazy objects, one in the other, have been evaluated to; ``empty`` if one of them has not."""
    for _ in range(DEEPEST):
        # Not ``isinstance``, which evaluates: a lazy object says that it has the class of its value.
        if not issubclass(type(value), LazyObject):
            break
        value = _attributes(value).get("_wrapped", empty)
    return value


def _attributes(lazy: Any) -> dict[str, Any]:
    held: dict[str, Any] = object.__getattribute__(lazy, "__dict__")  # a lazy object's own method is slow
    return held


def _found(request: Mapping[str, Any]) -> Any:
    """The user that the application has found or set, ``empty`` before that."""
    user = evaluated(request.get("user", empty))
    if user is empty and "_cached_user" in request:
        user = evaluated(request["_cached_user"])
    if user is empty and "_acached_user" in request:
        user = evaluated(request["_acached_user"])
    return user


def _loaded_session(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What is in the session, if it has been loaded; to load it would be a query, and vary the response by cookie."""
    loaded = getattr(evaluated(request.get("session")), "_session_cache", None)
    return loaded if type(loaded) is dict or isinstance(loaded, Mapping) else None


def _would_be_anonymous(request: Mapping[str, Any], session: Mapping[str, Any] | None) -> bool:
    """Whether looking at the user would find nobody: it depends on the session alone, and that is known to be empty."""
    if "HTTP_AUTHORIZATION" in request.get("META", {}) or not _is_by_session(request.get("user"), DEEPEST):
        return False
    return session is not None or getattr(evaluated(request.get("session")), "session_key", "") is None


def _is_by_session(user: Any, depth: int) -> bool:
    """Whether an unevaluated user is Django's own, or is made of that by somebody's middleware."""
    if depth == 0 or not issubclass(type(user), LazyObject):
        return False
    make = _attributes(user).get("_setupfunc")
    return getattr(make, "__module__", "") == _MIDDLEWARE or any(
        _is_by_session(x, depth - 1) for x in _ingredients(make)
    )


def _ingredients(make: Any) -> Iterator[Any]:
    """What a partial or a closure holds."""
    if isinstance(make, partial):
        yield from make.args
        yield from make.keywords.values()
    for cell in getattr(make, "__closure__", None) or ():
        yield cell.cell_contents


def _account(user: Any) -> Actor:
    """A user's key, and name at the time. It need not be a model: some tokens carry all that is known."""
    try:
        return without_queries(_key_and_name, user)
    except BaseException as error:  # noqa: BLE001  a deferred name, or what a host's user may raise
        let_interruption_pass(error)
        return Actor(_asked(_pk, user), _asked(_name, user))


def _key_and_name(user: Any) -> Actor:
    return Actor(_pk(user), _name(user))


def _pk(user: Any) -> str:
    if hasattr(user, "_meta"):
        return key_text(user)
    pk = getattr(user, "pk", None)
    return clean_truncated(str(getattr(user, "id", "") if pk is None else pk), 255)


def _name(user: Any) -> str:
    return clean_truncated(str(user.get_username() if hasattr(user, "get_username") else user), 200)


def _asked(ask: Callable[[Any], str], user: Any) -> str:
    try:
        return without_queries(ask, user)
    except BaseException as error:  # noqa: BLE001
        let_interruption_pass(error)
        return ""


def _keyed(pk: Any) -> Actor:
    """The account with a key that a session holds; only a query could tell its name."""
    return Actor(logged_key(get_user_model(), str(pk)))


def _impersonator(request: Mapping[str, Any], session: Mapping[str, Any] | None) -> Actor | None:
    """The person at the keyboard, where packages for impersonation say that it is another than the account."""
    for name in ("impersonator", "real_user"):  # django-impersonate
        user = evaluated(request.get(name, empty))
        if user is not empty and user is not None and user.is_authenticated:
            return _account(user)
    if session is None:
        return None
    if history := session.get("hijack_history"):  # django-hijack: keys, the first is who began
        return _keyed(history[0])
    if history := session.get("exit_users_pk"):  # django-su: pairs of key and backend
        return _keyed(history[0][0])
    if signed := session.get(_loginas_flag()):  # django-loginas: key, time and signature
        return _keyed(str(signed).rsplit(":", 2)[0])
    return None


@lru_cache(maxsize=1)
def _loginas_flag() -> str:
    return getattr(settings, "LOGINAS_FROM_USER_SESSION_FLAG", "loginas_from_user")  # slow where it is not set


def _forget_flag(**_: Any) -> None:
    _loginas_flag.cache_clear()


setting_changed.connect(_forget_flag, dispatch_uid="signal_log.capture.trace.actor")


def _acting_as(real: Actor, account: Actor) -> Actor:
    """The real person's key, with both names: ``admin (as bob)``, or ``#7 (as bob)`` where only a key is known."""
    who, whom = (clean_truncated(actor.name or f"#{actor.pk}", 97) for actor in (real, account))
    return Actor(real.pk, f"{who} (as {whom})")
