"""The secrets of a request's form and address, which no model may ever hold: an error's text may quote them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from signal_log.capture.model.hidden_names import hidden_names
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

    def __call__(self) -> tuple[list[str], list[str]] | None:
        """The values whose names are secret, and those named like a field that is masked or left out of the log.

        None while the form has not been read. Reading it earlier would keep the host from reading the body itself, or
        from choosing how uploads are handled.
        """
        form = getattr(self._request, "_post", None)
        if form is None and self._request.method == "POST":
            return None
        held = (form, self._request.__dict__.get("GET"))
        names, hidden = secret_names(), hidden_names()
        found = [(name, each.getlist(name)) for each in held if each for name in each if name in hidden]
        secret = [value for name, values in found if name in names for value in values]
        return secret, [value for name, values in found if name not in names for value in values]


def asked(request: Any, trace: Trace) -> dict[str, Any]:
    """A request that is over, for a recorded session: what of its form and address the host has read, masked."""
    form, files, query = getattr(request, "_post", None), getattr(request, "_files", None), request.__dict__.get("GET")
    own = [*_hidden_in(form), *_hidden_in(query)]  # which the trace does not know if they were read late, or long ago
    hidden = (own, trace.gathered.secrets)
    return {
        "method": trace.context.method,
        "path": trace.context.path(),
        "content_type": clean_truncated(str(getattr(request, "content_type", "") or ""), 100),
        "query": _pairs(query, hidden),
        "form": _pairs(form, hidden),
        "files": [clean_truncated(str(name), 100) for name in files or ()][:MAX_FIELDS],
    }


def _hidden_in(held: Any) -> Iterator[str]:
    names = hidden_names()
    return (value for name in held or () if name in names for value in held.getlist(name))


def _pairs(held: Any, hidden: Iterable[Iterable[Any]]) -> list[list[str]]:
    """Names and values in the order in which they were sent; ``hidden`` values are masked wherever they stand."""
    if not held:
        return []
    names = hidden_names()

    def shown(text: str, limit: int) -> str:
        text = without_secrets(text, names)
        for values in hidden:
            text = mask_secrets(text, values)
        return clean_truncated(text, limit)

    pairs = [(str(name), str(value)) for name in held if name != _CSRF for value in held.getlist(name)]
    return [
        [shown(name, 200), MASK if name in names else shown(value, MAX_CHARS)] for name, value in pairs[:MAX_FIELDS]
    ]
