"""Hands what a request fired on to the page that its redirect leads to, in a signed cookie.

The cookie holds no address, only a part of its hash, and no value: names of receivers and models, and numbers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from django.core.signing import BadSignature, dumps, loads
from django.http import HttpRequest, HttpResponseBase

COOKIE: Final = "signal_log_before"
SALT: Final = "signal_log.before.1"
SECONDS: Final = 60
MOST_STEPS: Final = 5
MOST_CHAINS: Final = 5
LONGEST: Final = 3_500
"""Browsers keep 4 KB; of more, the oldest are forgotten."""
REDIRECTS: Final = range(301, 309)
LONGEST_WORDS: Final = 120
PAGE: Final = "navigate"
SCRIPT: Final = "script"


class Step(NamedTuple):
    """One request: its method, its trace, how many operations it had and how long it took, and the first of them."""

    method: str
    trace: str
    operations: int
    taken_us: int
    words: str


class Chain(NamedTuple):
    """The requests before one that is still to come, at an address and in a way with this hash."""

    target: str
    steps: Sequence[Step]


def hand_on(request: HttpRequest, response: HttpResponseBase, own: Step | None) -> Sequence[Step]:
    """The steps before this request; if its response leads elsewhere, they and its own are handed on instead.

    Only the request for the address that a redirect named takes what was left for it: another tab's do not. Where the
    browser tells (``Sec-Fetch-Mode``), what a page's script asks for does not take what was left for a page.
    """
    waiting = _read(request)
    mine = None if _is_guess(request) else _left_for(request, waiting)
    rest = [chain for chain in waiting if chain is not mine]
    before = mine.steps if mine is not None else ()
    target = target_of(request, response)
    if target:
        steps = [*before, own] if own is not None else before
        if steps:
            rest.append(Chain(_hashed(target, _way_on(request, response)), steps[-MOST_STEPS:]))
        before = ()
    if rest != waiting:
        _write(request, response, rest[-MOST_CHAINS:])
    return before


def target_of(request: HttpRequest, response: HttpResponseBase) -> str:
    """Path and query of the page on this site that the response leads to; empty if it leads nowhere."""
    if response.status_code in REDIRECTS and response.has_header("Location"):
        named = response.headers["Location"]
    else:
        named = response.headers.get("HX-Redirect") or _path_of(response.headers.get("HX-Location", ""))
    if not named:
        return ""
    try:
        found = urlsplit(urljoin(request.get_full_path(), named))
    except ValueError:
        return ""
    host = request.META.get("HTTP_HOST", found.netloc)
    if found.scheme not in ("", "http", "https") or (found.netloc and found.netloc != host):
        return ""
    return f"{found.path or '/'}?{found.query}" if found.query else found.path or "/"


def _path_of(location: str) -> str:
    """The address in ``HX-Location``, which may be a JSON object."""
    if not location.startswith("{"):
        return location
    try:
        return str(json.loads(location).get("path", ""))
    except ValueError:
        return ""


def _is_guess(request: HttpRequest) -> bool:
    """Whether the browser asks ahead for a page that nobody looks at yet."""
    return request.method == "HEAD" or "prefetch" in request.headers.get("Sec-Purpose", "")


def _left_for(request: HttpRequest, waiting: Sequence[Chain]) -> Chain | None:
    here = _hashed(request.get_full_path(), _way(request))
    return next((chain for chain in reversed(waiting) if chain.target == here), None)


def _way(request: HttpRequest) -> str:
    """How the browser asks: for a page, by a script, or unknown."""
    mode = request.headers.get("Sec-Fetch-Mode", "")
    return mode and (PAGE if mode == PAGE else SCRIPT)


def _way_on(request: HttpRequest, response: HttpResponseBase) -> str:
    """How it will ask next: for a redirect as before, for htmx's own as htmx does."""
    way = _way(request)
    if response.status_code in REDIRECTS or not way:
        return way
    return PAGE if response.has_header("HX-Redirect") else SCRIPT


def _hashed(address: str, way: str) -> str:
    return blake2b(f"{way} {address}".encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()


def _read(request: HttpRequest) -> list[Chain]:
    if not (text := request.COOKIES.get(COOKIE)):
        return []
    try:
        return [
            Chain(target, [Step(*step) for step in steps]) for target, steps in loads(text, salt=SALT, max_age=SECONDS)
        ]
    except (BadSignature, TypeError, ValueError):  # forged, too old, or another version's
        return []


def _write(request: HttpRequest, response: Any, chains: list[Chain]) -> None:
    text = ""
    while chains and len(text := dumps(chains, salt=SALT, compress=True)) > LONGEST:
        chains = chains[1:]
    if chains:
        response.set_cookie(COOKIE, text, SECONDS, httponly=True, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie(COOKIE, samesite="Lax")
