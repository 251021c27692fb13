"""Receivers are named the way a developer would search for them."""

import functools

import pytest

from signal_log.capture.signals.receiver_name import innermost, receiver_name


def function(): ...


class Service:
    def method(self): ...

    @classmethod
    def made(cls): ...

    @staticmethod
    def free(): ...

    def __call__(self): ...


class Unruly:
    """Whatever is asked of it, it raises."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __call__(self): ...


class Endless:
    """Whatever is asked of it, it has."""

    def __getattr__(self, name):
        return self

    def __call__(self): ...


def wrapping(receiver):
    """Wrap a receiver as sentry-sdk does: a function of its own around whatever was connected."""

    @functools.wraps(receiver)
    def wrapper(*args, **kwargs):
        return receiver(*args, **kwargs)

    return wrapper


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
        (wrapping(function), f"{HERE}.function"),
        (wrapping(wrapping(Service().method)), f"{HERE}.Service.method"),
        (wrapping(functools.partial(function, 1)), f"{HERE}.function"),
        (functools.partial(wrapping(anonymous)), f"{HERE}.<lambda>:{anonymous.__code__.co_firstlineno}"),
        (wrapping(Service()), f"{HERE}.Service"),
    ],
)
def test_names(receiver, expected):
    """A receiver is named by module and qualified name, with a line number where the name alone is not enough."""
    assert receiver_name(receiver) == expected


def test_what_wrappers_call_in_the_end():
    """Decorators and partials are looked through."""
    assert innermost(wrapping(functools.partial(wrapping(function), 1))) is function


@pytest.mark.parametrize("kind", [Unruly, Endless])
def test_odd_objects_do_no_harm(kind):
    """An object that raises at every attribute, or has every attribute, is named by its class."""
    odd = kind()
    assert innermost(odd) is odd
    assert receiver_name(odd) == f"{HERE}.{kind.__name__}"
