"""The secrets of a request's form and address, which no model may ever hold: an error's text may quote them."""

from __future__ import annotations

from typing import Any

from signal_log.capture.model.masking import secret_names


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
