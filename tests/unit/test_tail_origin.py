"""The websocket is opened by pages of this site alone: scheme, host and port are those of the handshake (G8)."""

import pytest
from channels.testing import WebsocketCommunicator

from signal_log.tail.origin import is_from_here, same_origin


def handshake(origin, host="site.example:8443", scheme="wss", **headers):
    """Return the scope of a handshake."""
    given = {"host": host, "origin": origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {
        "type": "websocket",
        "path": "/ws/events/",
        "query_string": b"\xff",
        "scheme": scheme,
        "server": ("10.0.0.1", 8000),
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value is not None],
    }


@pytest.fixture(autouse=True)
def _a_site(settings):
    settings.ALLOWED_HOSTS = ["site.example", ".trusted.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://other.example", "https://*.trusted.example:444"]
    settings.SECURE_PROXY_SSL_HEADER = None


def test_pages_of_this_site_may():
    """The default ports may be left out, and what a site trusts for its forms it trusts here."""
    assert is_from_here(handshake("https://site.example:8443"))
    assert is_from_here(handshake("https://site.example", host="site.example"))
    assert is_from_here(handshake("https://site.example:443", host="site.example"))
    assert is_from_here(handshake("http://site.example", host="site.example:80", scheme="ws"))
    assert is_from_here(handshake("https://other.example"))
    assert is_from_here(handshake("https://a.trusted.example:444"))


@pytest.mark.parametrize(
    "origin",
    [
        None, "", "null", "https://site.example", "https://site.example:8444", "http://site.example:8443",
        "https://evil.example:8443", "https://site.example.evil.example:8443", "https://site.example:8443x",
        "https://site.example:8443@evil.example", "wss://site.example:8443", "file:///", "site.example:8443",
        "https://other.example:8443", "https://a.trusted.example", "https://[", "https://nottrusted.example:444",
    ],
)  # fmt: skip
def test_others_may_not(origin):
    """Another port, scheme or host is another site."""
    assert not is_from_here(handshake(origin))


def test_the_host_must_be_allowed_and_there_is_one_origin():
    """A host that Django would refuse is not this site's, and two origins are none."""
    assert not is_from_here(handshake("https://evil.example", host="evil.example"))
    twice = handshake("https://site.example:8443")
    twice["headers"].append((b"origin", b"https://evil.example"))
    assert not is_from_here(twice)


def test_behind_a_proxy_the_scheme_is_the_one_that_it_tells(settings):
    """A proxy that takes TLS off is believed where the settings say so, and nobody else is."""
    scope = handshake("https://site.example:8443", scheme="ws", x_forwarded_proto="https")
    assert not is_from_here(scope)
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert is_from_here(scope)


async def test_a_stranger_is_refused_before_the_application_hears_of_it():
    """The handshake is refused; one from here reaches the application."""
    reached = []

    async def application(scope, receive, send):
        reached.append((await receive())["type"])
        await send({"type": "websocket.accept"})

    for origin, accepted in (("https://evil.example", False), ("https://site.example:8443", True)):
        client = WebsocketCommunicator(same_origin(application), "/ws/events/")
        client.scope |= handshake(origin)
        assert (await client.connect())[0] is accepted
        await client.wait()
    assert reached == ["websocket.connect"]
