"""Secrets in text are recognised by their shape, or by the name in front of them, and ordinary text is left alone."""

import hashlib
import json
import re
import time
from itertools import pairwise

import pytest

from signal_log.capture.model import named_values, secret_text
from signal_log.capture.model.long_value import Cut, cut_text
from signal_log.capture.model.secret_names import SecretNames
from signal_log.capture.model.secret_text import looks_random, without_secrets
from signal_log.capture.model.snapshot import json_safe
from signal_log.event import MASK

NAMES = SecretNames()
S = "pl4nted-S3cret"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlcGxhbnRlZA"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIplanted\nplanted==\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pbkdf2_sha256$870000$plantedsalt$plantedhash=", MASK),
        ("was md5$planted$plantedhash, now", f"was {MASK}, now"),
        ("$2b$12$plantedplantedplantedplanted", MASK),
        ("argon2$argon2id$v=19$m=102400,t=2,p=8$planted$planted", MASK),
        (f"a {JWT} b", f"a {MASK} b"),
        (f"see\n{PEM}\nend", f"see\n{MASK}\nend"),
        (PEM[:50], MASK),
        (f"Authorization: Token {S}", f"Authorization: {MASK}"),
        (f"GET /\r\nProxy-Authorization: Basic {S}\r\nHost: x", f"GET /\r\nProxy-Authorization: {MASK}\r\nHost: x"),
        (f"Cookie: sessionid={S}; a=b", f"Cookie: {MASK}"),
        (f"sent Bearer {S} along", f"sent Bearer {MASK} along"),
        (f"https://x.example/?next=/&token={S}&a=1", f"https://x.example/?next=/&token={MASK}&a=1"),
        (f"postgres://u:{S}@h/db", f"postgres://u:{MASK}@h/db"),
        (f"redis://:{S}@h:6379/0", f"redis://:{MASK}@h:6379/0"),
        (f"host=h password={S} dbname=x", f"host=h password={MASK} dbname=x"),
        (f"password: {S}", f"password: {MASK}"),
        (f"{{'token': '{S}', 'a': 1}} is wrong", f"{{'token': '{MASK}', 'a': 1}} is wrong"),
        (f'broken {{"apiKeys": "{S}', f'broken {{"apiKeys": "{MASK}"'),
        ("ghp_plantedplantedplanted0123456789ab", MASK),
        ("AKIAPLANTEDPLANTED00", MASK),
    ],
)  # fmt: skip
def test_shapes(text, shown):
    """What has the shape of a secret is masked whole; the rest of the text stays."""
    found = without_secrets(text, NAMES)
    assert found == shown
    assert "planted" not in found
    assert "pl4nted" not in found


NAMED = [
    "Command '['pg_dump', '--password={}']' failed", "mysql --password={} -x", "mysql --api-key {} -x",
    "run(['x', '--token', '{}'])", "java -Dtoken={} -jar x", 'password: "{}"', "password: '{}'",
    "{{'password': b'{}'}}", "Login(password=b'{}')", "{{'pin': Decimal('{}'), 'a': 1}}", "X(token=('{}', 1), y=2)",
    "X(tokens=[['a', '{}'], 1])", "f(a=g(token='{}'))", r"password='a\'{}' x",
    r'x: "{{\"password\": \"{}\", \"a\": 1}}"',
    r'"[{{\\\"token\\\": \\\"{}\\\"}}]"', "user%5Btoken%5D={}&x=1", "/login?next=%2Freset%3Ftoken%3D{}%26a%3D1",
    "token%253D{}", "Token {}", "BEARER {}", "<password>{}</password>", "<a:token x='1'>{}</a:token>",
    'form-data; name="password"\r\n\r\n{}\r\n--b', "form-data; name=token\nContent-Type: text/plain\n\n{}\n--b",
    '<input value="{}" name="password">', "<INPUT name=token type=hidden value={}>", "https://x/c?sv=2&sig={}%3D",
    "https://{}abcdef3z@github.com/x.git", "redis://:a/{}@h/0", "amqp://u:p@{}@h/0", "scrypt:32768:8:1$salt${}",
    "{{SSHA}}{}==", "SCRAM-SHA-256$4096:salt${}=:srv=", "password\uff1d{}", "\uff50: 1, token\uff1a {}",
    "contrase\xf1a={}",
    '[{{"label":"Password","value":"{}"}}]', '{{"type":"password","value":"{}"}}',
    '{{"name":"password","content":"{}"}}',
    '[{{"field":"password","old":"{}","new":"{}"}}]', '[{{"op":"replace","path":"/a/password","value":"{}"}}]',
]  # fmt: skip


@pytest.mark.parametrize("text", NAMED)
def test_a_text_that_names_its_secret(text):
    """However the name and the secret are written: as options, in reprs, encoded, in forms, XML, addresses and rows."""
    shown = without_secrets(text.format("pl4ntedS3cret", "pl4ntedS3cret"), NAMES)
    assert MASK in shown
    assert "pl4n" not in shown
    assert "3cret" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "-- token stream", "see <key>name</key>", "<b>token</b>: none", "<p class='token'>10 %</p>", "100% = all",
        "https://first.last-company@example.org/x", "https://x.example:8000/a/b@c", "{'type': 'key', 'value': 'Enter'}",
        '{"type": "key", "value": "Enter"}', '{"label": "Colour", "value": "red"}', "Basic training",
        "token ring", "a token well-known",
        '[["password", "email"]]', "a --colour red", "next=%2Fhome%3Fpage%3D2", "it's a key: 'D minor'",
        '{"op": "replace", "path": "/name", "value": "x"}', "{SHA} is old", "<input name='page' value='2'>",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_name(text):
    """Words of a text, and names of other things."""
    assert without_secrets(text, NAMES) == text


@pytest.mark.parametrize(
    "text",
    [
        "Token: see below", "The secret: never look down", "Basic information about us", "costs $5 and $10",
        "https://x.example:8000/a@b?next=/home&page=2", "2026-11-28T12:00:00+00:00", "a = b", "Key: D minor",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", "translation_key=hello", '{"colour": "red"}',
        '["red", "green"]', '[ 1,  2 ]', "bearer of good news", "The cookie: a history", '["password", "email"]',
        '{"ordering": ["key", "value"]}', "http://user@host/path", "x" * 5000, "md5 is weak",
    ],
)  # fmt: skip
def test_ordinary_text_is_left_alone(text):
    """Not a character changes, not even the spaces of JSON without secrets."""
    assert without_secrets(text, NAMES) == text


def test_json_inside_text():
    """Keys inside text that parses as JSON, as django-reversion keeps it, rows of key and value, and pairs."""
    held = [{"model": "auth.user", "pk": 1, "fields": {"username": "ada", "password": S, "groups": []}}]
    assert json.loads(without_secrets(json.dumps(held), NAMES))[0]["fields"] == {
        "username": "ada", "password": MASK, "groups": [],
    }  # fmt: skip
    for value in (
        {"headers": [["Authorization", S], ["Host", "x"]]},
        {"rows": [{"key": "smtp_password", "value": S}]},
        {"inner": json.dumps({"inner": json.dumps({"tokens": [S]})})},
        ("Authorization", S),
        {"a": {"b": json.dumps([["X-Api-Key", S]])}},
        {"url": f"https://u:{S}@h/"},
    ):
        for given in (value, json.dumps(value)):
            assert S not in json.dumps(json_safe(given, 4096, NAMES))


def test_secrets_below_any_depth():
    """What is nested too deep to be walked is not shown as it is."""
    value: object = {"password": S}
    for _ in range(30):
        value = {"a": [value]}
    assert S not in json.dumps(json_safe(value, 4096, NAMES))
    assert S not in json.dumps(json_safe(json.dumps(value), 4096, NAMES))


def test_without_names_nothing_is_masked():
    """Values are compared in the form in which the log has them, without masks."""
    assert json_safe(f"?token={S}", 4096, ()) == f"?token={S}"


@pytest.mark.parametrize(
    "piece",
    ["a=", "'a':", '"', "eyJa.", "a:b@", "$1$", "http://a:", "-----BEGIN ", "[", "token: ",
     "Authorization: ", "cookie: ", "x.", "cookie:", "token=", "--key a ", "token%3D", "<pin>",
     "name=key\n\n", "'key':", '{\\"key\\":\\"',
     '["a", ', '{"key": "', '"a": {',
     '\\"', "a-"],
)  # fmt: skip
def test_hostile_text_costs_little(piece):
    """Time grows with the text, whatever it is made of."""
    text = piece * (60_000 // len(piece))
    began = time.process_time()
    without_secrets(text, NAMES)
    assert time.process_time() - began < 1.5


PATTERNS = {
    name: held for name, held in {**vars(secret_text), **vars(named_values)}.items() if isinstance(held, re.Pattern)
}


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_takes_more_than_its_share(name):
    """Four times of any piece of the pattern itself, or of one after another, take about four times as long."""
    pattern = PATTERNS[name]
    words = re.findall(r"[A-Za-z_]+(?: [A-Z]+)*|-{5}[A-Z]+", re.sub(r"\[[^]]*\]|\\.|\{[^}]*\}", "", pattern.pattern))
    pieces = ["", *(f"{word} " for word in words), "", *words, *re.findall(r"[^\w\s]{1,2}", pattern.pattern), "a=", " "]

    def took(text: str) -> float:
        began = time.process_time()
        for _ in pattern.finditer(text):
            pass
        return time.process_time() - began

    for before, piece in pairwise(pieces):
        if not piece:
            continue
        times = 8_000 // len(piece)
        if (long := took(before + piece * times)) > 0.01:
            assert long < 8 * max(took(before + piece * (times // 4)) for _ in range(3)), (before, piece)


@pytest.mark.parametrize("text", ["c3fcd3d76192e4007dfb496cca67e13b", "Zk3xQ9vT7bLw2RpN", "cak5rj-5f2e8b1c9d7a6e3f4b"])
def test_random_words(text):
    """Long words in which letters and digits change often are no words of a path."""
    assert looks_random(text)


@pytest.mark.parametrize(
    "text", ["a-long-title-of-an-article", "2026-11-28", "internationalization", "release-2026-v2"]
)
def test_words_of_paths(text):
    """Titles and dates are."""
    assert not looks_random(text)


CUT = [
    f'[{{"fields": {{"password": "{S}", "a": 1}}}}, {{"b": ',
    f'{{"rows": [{{"key": "smtp_password", "value": "{S}"}}, {{"k',
    f'{{"rows": [{{"name": "api_keys", "raw_value": {{"x": "{S}"}}}}, {{"k',
    f'{{"headers": [["Authorization", "{S}"], ["Ho',
    f'{{"credentials": {{"user": "ada", "pass": ["{S}"]}}, "b": "',
    f'{{"credentials": {{"user": "ada", "pass": "{S}',
]


@pytest.mark.parametrize("text", CUT)
def test_json_that_was_cut(text):
    """JSON that does not parse any more, because it was cut here or in the database, is searched for names as well."""
    assert S not in without_secrets(text, NAMES)
    assert S not in json_safe(f"{text}{'x' * 200_000}", 4096, NAMES)


def test_long_texts_are_searched_as_far_as_they_are_kept():
    """A text of a megabyte costs little, and its length and hash are those of the whole unless it hides something."""
    text = f"tokens={S} " + "a: b = c, " * 100_000
    for shown in (text.replace("=", " is ", 1), text):
        began = time.process_time()
        told = json_safe(shown, 4096, NAMES)
        assert time.process_time() - began < 0.5
        assert len(told) < 4096 + 120
        if shown is text:
            assert told.startswith(f"tokens={MASK} a: b = c")
        else:
            assert told.endswith(f"({len(shown)} characters, SHA-256 {hashlib.sha256(shown.encode()).hexdigest()})")


@pytest.mark.parametrize("size", [5_000, 70_000])
def test_a_secret_in_a_long_text_cannot_be_tried_out(size):
    """Neither length nor plain hash is told of a text that hides something, whoever has cut it."""
    shown = {}
    for secret in ("482913", "482914", "4829130"):
        text = f"otp={secret}; {'z' * size}"
        told = json_safe(text, 4096, NAMES)
        whole = hashlib.sha256(text.encode()).hexdigest()
        assert json_safe(Cut(cut_text(text[:4096], len(text), whole)), 4096, NAMES)[-100:] == told[-100:]
        for one in (text, told.partition("…")[0], text.replace(secret, MASK)):
            assert hashlib.sha256(one.encode()).hexdigest() not in told
        assert str(len(text)) not in told[4000:]
        shown[told[-64:]] = len(told)
    assert len(shown) == 3
    assert len(set(shown.values())) == 1
