"""What a relay of ``RELAYS`` may be, and what is said of one that is wrong."""

from __future__ import annotations

import pytest

from signal_log.errors import ConfigurationError
from signal_log.relay import backoff
from signal_log.relay.addresses import URLS
from signal_log.relay.backoff import Backoff
from signal_log.relay.settings import parse

HOOK = {"sink": "webhook", "url": "https://siem.example/hooks/topsecret?sig=hidden"}
GOOD = {
    "webhook": ["https://h/p?q=1", "http://127.0.0.1:80/"],
    "kafka": ["kafka://a:9092/t", "kafka://a:1,b.c:2/t.u-v_w"],
    "nats": ["nats://a:4222/b.c", "tls://user:word@a:4222,b:1/x"],
    "syslog": ["tcp://a:601", "tls://a.b:6514/"],
    "file": ["/var/log/x.jsonl", "file:///var/log/x.jsonl"],
}
BAD = {
    "webhook": ["", "http://h/p", "https://", "https://user:topsecret@h/", "https://h/ p", "ftp://h/", "https://h:x/"],
    "kafka": ["kafka://a/t", "kafka://a:1", "kafka://a:1/t u", "https://a:1/t", "kafka://u:topsecret@a:1/t"],
    "nats": ["nats://a:1/", "nats://a:1", "nats://a:1/b.>", "nats://a:1/b.*", "nats://a/x"],
    "syslog": ["tcp://a", "udp://a:514", "tcp://a:1/x", "tcp://a:1,b:2"],
    "file": ["out.jsonl", "file://out", "/var/log/", "s3://x/y"],
}


def test_addresses_of_each_sink():
    """Those of its kind are taken; of others it is said what is, and never the address, which may hold a secret."""
    assert {*GOOD} == {*BAD} == {*URLS}
    for sink, urls in GOOD.items():
        for url in urls:
            assert parse("x", {"sink": sink, "url": url}).url == url
    for sink, urls in BAD.items():
        for url in [*urls, None, 7]:
            with pytest.raises(ConfigurationError) as wrong:
                parse("x", {"sink": sink, "url": url})
            assert str(wrong.value).endswith(f"'url' must be, for this sink, {URLS[sink]}.")
            assert "topsecret" not in str(wrong.value)


@pytest.mark.parametrize(
    ("sink", "url", "where"),
    [
        ("webhook", "https://user:topsecret@h/p", "'headers'"),
        ("webhook", "http://topsecret@h", "'headers'"),
        ("kafka", "kafka://user:topsecret@a:1,b:2/t", "'options'"),
        ("syslog", "tcp://user:topsecret@a:601", "leave them out"),
    ],
)
def test_a_password_in_an_address(sink, url, where):
    """It is said that it is what is refused, and where it belongs."""
    with pytest.raises(ConfigurationError, match="has a user or a password in it") as wrong:
        parse("x", {"sink": sink, "url": url})
    assert where in str(wrong.value)
    assert "topsecret" not in str(wrong.value)
    with pytest.raises(ConfigurationError) as other:
        parse("x", {"sink": sink, "url": "x@y"})
    assert "password" not in str(other.value)


def test_a_folder_is_no_file(tmp_path):
    """It could never be written to."""
    with pytest.raises(ConfigurationError, match="'url' is a folder"):
        parse("x", {"sink": "file", "url": str(tmp_path)})


def test_all_that_is_wrong_with_one():
    """And not the first alone, so that it is mended once."""
    given = HOOK | {"url": "x", "format": "xml", "filters": 7, "secret": "s", "batch": 0, "ca": "/no", "fromat": 1}
    with pytest.raises(ConfigurationError) as wrong:
        parse("a b", given)
    for said in (
        "its name must", "It has an unknown key 'fromat'", "'format' is 'xml'", "'filters' must", "'ca' is",
        "'url' must", "each 'secret' must", "'batch' must",
    ):  # fmt: skip
        assert said.lower() in str(wrong.value).lower(), said


def test_nothing_secret_is_shown():
    """Of a webhook its host, of a server no user and no password."""
    assert parse("x", HOOK).shown_url == "https://siem.example/…"
    assert parse("x", {"sink": "nats", "url": "tls://u:topsecret@a:4222/b"}).shown_url == "tls://a:4222/b"
    assert parse("x", {"sink": "file", "url": "file:///var/x"}).shown_url == "/var/x"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("siem", "it is a str, not a dict"),
        (HOOK | {"fromat": "json"}, "an unknown key 'fromat'. Did you mean 'format'?"),
        ({"url": "x"}, "'sink' is missing"),
        (HOOK | {"sink": "webhok"}, "Did you mean 'webhook'?"),
        (HOOK | {"format": "cloudevent"}, "Did you mean 'cloudevents'?"),
        (HOOK | {"filters": 7}, "'filters' must be a query"),
        (HOOK | {"filters": "model:"}, "'filters': "),
        (HOOK | {"filters": {"modell": "x"}}, "Unknown filter 'modell'"),
        (HOOK | {"filters": "took:>1s"}, "known only later"),
        (HOOK | {"filters": "since:2h"}, "--from"),
        (HOOK | {"secret": "short"}, "16 characters or more"),
        (HOOK | {"secret": ["x" * 16, 7]}, "16 characters or more"),
        (HOOK | {"headers": {"A b": "c"}}, "'A b', which is no header"),
        (HOOK | {"headers": {"A": "b\nC: d"}}, "no header with a plain text"),
        (HOOK | {"batch": 0}, "from 1 to 1,000"),
        (HOOK | {"options": {"a": 1}}, "for Kafka and NATS"),
        (HOOK | {"ca": "/no/such/file"}, "no such file"),
        (HOOK | {"ca": f"/{'x' * 5000}"}, "no such file"),
        ({"sink": "file", "url": "/x", "secret": "x" * 16}, "this sink has none"),
        ({"sink": "file", "url": "/x", "headers": {"A": "b"}}, "this sink has none"),
        ({"sink": "file", "url": "/x", "batch": 5}, "'batch' is for a webhook"),
    ],
)
def test_what_is_wrong_is_said(given, said):
    """With what is accepted, and the likely slip; no secret and no address is in it."""
    with pytest.raises(ConfigurationError) as wrong:
        parse("siem", given)
    assert said in str(wrong.value)
    assert "topsecret" not in str(wrong.value)


def test_names():
    """A name is one word, which a command and an address can hold."""
    for name in ("", "a b", "a/b", "x" * 101):
        with pytest.raises(ConfigurationError, match="its name must be"):
            parse(name, HOOK)


def test_waits_grow_and_differ():
    """Each is at least half of what it may be, none is longer than the longest, unless the receiver asks for it."""
    waits = Backoff()
    for at in range(12):
        most = min(backoff.FIRST * 2**at, backoff.LONGEST)
        assert most / 2 <= waits.next() <= most
    assert waits.next(asked=120) == 120
    assert waits.next(asked=10**9) == backoff.LONGEST_ASKED
    waits.over()
    assert waits.next() <= backoff.FIRST
    assert len({Backoff().next() for _ in range(5)}) == 5
