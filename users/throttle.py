"""Counts attempts in the cache, by account and by address, and tells how long to wait when there were too many.

Windows are aligned: a limit of ten in 900 seconds begins anew at each full quarter of an hour. An attempt counts before
it is made, so that a hundred at once do not all pass, and is given back if it was a success.
"""

from __future__ import annotations

import ipaddress
import logging
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.conf import settings
from django.core.cache import BaseCache, caches
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from signal_log import remote_addr

logger = logging.getLogger(__name__)
T = TypeVar("T")

log_in_refused = Signal()
"""Sent when a log-in was refused without a look at the password: at the 1st, 10th, 100th … time in a window.

The log keeps ``user_login_failed`` of each attempt that was made, and this one for those that were not: a million
attempts leave a dozen permanent rows.
"""

PROCESS: Final = "process"
"""The cache of this process alone, which counts while the shared one is down."""
RETRY: Final = 30.0
"""Seconds until a shared cache that was down is asked again."""
_down_until = float("-inf")


@dataclass(frozen=True)
class Limit:
    """A limit of ``THROTTLES``, and whose attempts it counts."""

    name: str
    subject: tuple[str, ...]

    @property
    def most(self) -> float:
        """How many are allowed in a window; without a number, any."""
        return settings.THROTTLES.get(self.name, (0, 1))[0] or float("inf")

    @property
    def seconds(self) -> int:
        """How long a window is."""
        return int(settings.THROTTLES.get(self.name, (0, 1))[1])

    @property
    def wait(self) -> int:
        """Seconds until the next window begins."""
        return self.seconds - int(time.time()) % self.seconds

    def count(self) -> int:
        """Count one more attempt, and return how many there are in this window."""
        if self.most == float("inf"):
            return 0
        return _shared(lambda cache: _add_one(cache, self._key(), self.seconds))

    def give_back(self) -> None:
        """Take one attempt back: it succeeded."""
        if self.most < float("inf"):
            _shared(lambda cache: _take_one(cache, self._key()))

    def forget(self) -> None:
        """Begin anew."""
        _shared(lambda cache: cache.delete(self._key()))

    def _key(self) -> str:
        window = int(time.time()) // self.seconds
        # Hashed: a cache shows no names, and a name may hold anything.
        subject = salted_hmac("users.throttle", "\0".join(self.subject), algorithm="sha256").hexdigest()
        return f"throttle:{self.name}:{window}:{subject}"


class LogIn:
    """One attempt to log in to an account from an address; ``wait`` is not 0 if it is one too many."""

    def __init__(self, request: HttpRequest | None, username: str) -> None:
        self.username = username
        address = network(request)
        account = unicodedata.normalize("NFKC", username).casefold()
        self.pair = Limit("log_in_account_from_address", (account, address))
        limits = [Limit("log_in_account", (account,)), self.pair]
        self.limits = [Limit("log_in_from_address", (address,)), *limits] if address else limits
        self.wait = self._counted()

    def _counted(self) -> int:
        for limit in self.limits:
            refused = limit.count() - limit.most
            if refused > 0:
                if refused in (10**digits for digits in range(12)):
                    log_in_refused.send(LogIn, username=self.username, limit=limit.name, refused=int(refused))
                return limit.wait
        return 0

    def succeeded(self) -> None:
        """Neither the account nor the address is under suspicion for this attempt."""
        for limit in self.limits:
            limit.give_back()
        self.pair.forget()


def too_many(name: str, *subject: str) -> int:
    """Count an attempt; returns the seconds to wait if it is one too many, else 0."""
    limit = Limit(name, subject)
    return limit.wait if limit.count() > limit.most else 0


def network(request: HttpRequest | None) -> str:
    """Whose attempts count as one's: an IPv4 address, the /64 of an IPv6 one (a household's), empty if unknown."""
    try:
        address = ipaddress.ip_address(remote_addr(request) if request is not None else "")
    except ValueError:
        return ""
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


def duration(seconds: int) -> str:
    """How long to wait, in words."""
    minutes = -(-seconds // 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def answered(response: HttpResponse, wait: int) -> HttpResponse:
    """The page, as an answer to one attempt too many if there is something to wait for."""
    if wait:
        response.status_code = 429
        response.headers["Retry-After"] = str(wait)
    return response


def _shared(work: Callable[[BaseCache], T]) -> T:
    """Do this in the shared cache or, while that is down, in this process's own: nobody is kept from logging in."""
    global _down_until  # noqa: PLW0603
    if time.monotonic() >= _down_until:
        try:
            return work(caches["default"])
        except Exception as error:  # noqa: BLE001  each kind of cache has errors of its own
            _down_until = time.monotonic() + RETRY
            logger.warning("Attempts to log in are counted by each process alone: %s", type(error).__name__)
    return work(caches[PROCESS])


def _add_one(cache: Any, key: str, seconds: int) -> int:
    if cache.add(key, 1, seconds):
        return 1
    try:
        return int(cache.incr(key))
    except ValueError:  # gone in between
        cache.set(key, 1, seconds)
        return 1


def _take_one(cache: Any, key: str) -> None:
    try:
        cache.decr(key)
    except ValueError:
        return
