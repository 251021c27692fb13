"""Receivers are named the way a developer would search for them."""

import functools

import pytest

from signal_log.capture.signals.receiver_name import receiver_name


def function(): ...


class Service:
    def method(self): ...

    @classmethod
    def made(cls): ...

    @staticmethod
    def free(): ...

    def __call__(self): ...


HERE = __name__
anonymous = lambda: None  # noqa: E731  a lambda is what is tried


@pytest.mark.parametrize(
    ("receiver", "expected"),
    [
        (function, f"{HERE}.function"),
        (functools.partial(functools.partial(function, 1), 2), f"{HERE}.function"),
        (Service().method, f"{HERE}.Service.method"),
        (Service.made, f"{HERE}.Service.made"),
        (Service.free, f"{HERE}.Service.free"),
        (Service(), f"{HERE}.Service"),
        (anonymous, f"{HERE}.<lambda>:{anonymous.__code__.co_firstlineno}"),
        (print, "builtins.print"),
    ],
)
def test_names(receiver, expected):
    """A receiver is named by module and qualified name, with a line number where the name alone is not enough."""
    assert receiver_name(receiver) == expected
