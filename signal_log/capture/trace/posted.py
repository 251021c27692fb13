"""The secrets of a request's form and address, which no model may ever hold: an error's text may quote them."""

from __future__ import annotations

from typing import Any, Final

from signal_log.capture.model.masked_values import mask_secrets
from signal_log.capture.model.masking import secret_names
from signal_log.capture.model.secret_text import without_secrets
from signal_log.capture.model.snapshot import clean_truncated
from signal_log.capture.trace.trace import Trace
from signal_log.event import MASK

MAX_FIELDS: Final = 200
MAX_CHARS: Final = 4_096
_CSRF: Final = "csrfmiddlewaretoken"


class Posted:
    """Asked whenever a text of the request's trace is about to be kept; reads nothing that the host has not read."""

    __slots__ = ("_request",)

    def __init__(self, request: Any) -> None:
        self._request = request

    def __call__(self) -> list[str] | None:
        """The values whose names are secret, or None while the form has not been read.

        Reading it earlier would keep the host from reading the body itself, or from choosing how uploads are handled.
        """
        form = getattr(self._request, "_post", None)
        if form is None and self._request.method == "POST":
            return None
        names = secret_names()
        read = (form, self._request.__dict__.get("GET"))
        return [value for held in read if held for name in held if name in names for value in held.getlist(name)]


def asked(request: Any, trace: Trace) -> dict[str, Any]:
    """A request that is over, for a recorded session: what of its form and address the host has read, masked."""
    form, files = getattr(request, "_post", None), getattr(request, "_files", None)
    return {
        "method": trace.context.method,
        "path": trace.context.path(),
        "content_type": clean_truncated(str(getattr(request, "content_type", "") or ""), 100),
        "query": _pairs(request.__dict__.get("GET"), trace),
        "form": _pairs(form, trace),
        "files": [clean_truncated(str(name), 100) for name in files or ()][:MAX_FIELDS],
    }


def _pairs(held: Any, trace: Trace) -> list[list[str]]:
    """Names and values in the order in which they were sent."""
    if not held:
        return []
    names, secrets = secret_names(), trace.gathered.secrets
    pairs = [(str(name), str(value)) for name in held if name != _CSRF for value in held.getlist(name)]
    return [
        [
            clean_truncated(mask_secrets(without_secrets(name, names), secrets), 200),
            MASK if name in names else clean_truncated(mask_secrets(without_secrets(value, names), secrets), MAX_CHARS),
        ]
        for name, value in pairs[:MAX_FIELDS]
    ]
