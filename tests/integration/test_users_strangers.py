"""What a stranger can find out, guess and pretend on the account pages (G8)."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse

from signal_log.models import SignalEvent
from tests.accounts import PASSWORD, all_mail_sent, in_step, person
from users import forms, throttle
from users.names import check_name
from users.throttle import network

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

NOON = 1_796_126_400.0  # a multiple of 900 and of 3600
FAILED, REFUSED = "django.contrib.auth.signals.user_login_failed", "users.throttle.log_in_refused"


class Clock:
    """What the limits take the time from, moved by hand."""

    now = NOON

    def time(self) -> float:
        """Return the time of day."""
        return self.now

    def monotonic(self) -> float:
        """Return the time of the machine."""
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the clock of the limits at the beginning of a window."""
    stopped = Clock()
    monkeypatch.setattr(throttle, "time", stopped)
    monkeypatch.setattr(throttle, "_down_until", float("-inf"))
    return stopped


@pytest.fixture(autouse=True)
def _limits(settings: Any) -> None:
    settings.THROTTLES = {
        "log_in_account_from_address": (3, 900),
        "log_in_from_address": (6, 900),
        "log_in_account": (9, 900),
        "password_of_account": (3, 900),
        "register_from_address": (4, 3600),
        "reset_from_address": (4, 3600),
        "reset_to_mailbox": (2, 3600),
    }


WRONG = "wrong"


def log_in(username: str, password: str = WRONG, address: str = "198.51.100.7", page: str = "users:login") -> Any:
    """Try to log in, in a browser of its own."""
    data = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address).post(reverse(page), data)


def events(signal: str) -> Any:
    return SignalEvent.objects.filter(signal=signal)


def registration(name: str, **changed: str) -> dict[str, str]:
    fields = {"username": name, "first_name": "Ada", "email": f"{name}@example.org"}
    return fields | {"password1": PASSWORD, "password2": PASSWORD} | changed


# --- log-in ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("page", ["users:login", "admin:login"])
def test_guessing_ends_after_a_few_attempts(page: str, clock: Clock) -> None:
    """Then the right password is refused too, in any case of the name, until the quarter of an hour is over."""
    User.objects.create_superuser("ada", "ada@example.org", PASSWORD)
    assert [log_in("ada", page=page).status_code for _ in range(3)] == [200] * 3
    clock.now += 300
    for name in ("ada", "ADA"):
        refused = log_in(name, PASSWORD, page=page)
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "600"
        assert "Too many failed attempts to log in. Try again in 10 minutes." in refused.content.decode()
        assert "fix the following" not in refused.content.decode()
    clock.now += 600
    assert log_in("ada", PASSWORD, page=page).status_code == 302


def test_others_are_not_shut_out_with_the_guesser() -> None:
    """Neither the account's owner from elsewhere, nor somebody else at the guesser's address."""
    person("ada"), person("grace")
    for _ in range(4):
        log_in("ada")
    assert log_in("ada", PASSWORD).status_code == 429
    assert log_in("ada", PASSWORD, "203.0.113.9").status_code == 302
    assert log_in("grace", PASSWORD).status_code == 302


def test_many_names_from_one_address_and_many_addresses_for_one_name() -> None:
    """Both are limited, also where nobody has such a name, and one IPv6 network is one address."""
    assert [log_in(f"name-{n}").status_code for n in range(8)] == [200] * 6 + [429] * 2
    assert [log_in(f"n-{n}", address=f"2001:db8::{n:x}").status_code for n in range(8)] == [200] * 6 + [429] * 2
    assert log_in("n-1", address="2001:db8:0:1::1").status_code == 200
    assert [log_in("eve", address=f"203.0.113.{n}").status_code for n in range(11)] == [200] * 9 + [429] * 2


OWN = {
    "users:delete": lambda password: {"password": password},
    "users:password_change": lambda password: {"old_password": password, "new_password1": NEW, "new_password2": NEW},
}
NEW = "another horse 8 battery"


@pytest.mark.parametrize("page", OWN)
def test_an_open_session_does_not_guess_its_password(page: str, client: Client, clock: Clock) -> None:
    """Asked for one's own, a few wrong ones are the end, also of the right one and on the other page, for a while."""
    ada, grace = person("ada"), person("grace")
    client.force_login(ada)
    assert [client.post(reverse(page), OWN[page](WRONG)).status_code for _ in range(3)] == [200] * 3
    for each in OWN:
        refused = client.post(reverse(each), OWN[each](PASSWORD))
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "900")
        assert "Too many wrong passwords. Try again in 15 minutes." in refused.content.decode()
        assert "fix the following" not in refused.content.decode()
    assert client.post(reverse(page), OWN[page]("")).status_code == 200
    client.force_login(grace)
    assert client.post(reverse(page), OWN[page](PASSWORD)).status_code == 302
    client.force_login(ada)
    clock.now += 900
    assert [client.post(reverse(page), OWN[page](WRONG)).status_code for _ in range(2)] == [200] * 2
    assert client.post(reverse(page), OWN[page](PASSWORD)).status_code == 302


def test_the_admin_has_no_page_of_its_own_to_guess_at(client: Client) -> None:
    """Its page for a change of one's password has no limit; its address leads to the one that has."""
    client.force_login(User.objects.create_superuser("root"))
    assert client.get(reverse("admin:password_change")).headers["Location"] == reverse("users:password_change")


def test_people_who_log_in_often_are_not_limited() -> None:
    """An attempt that succeeds is not counted, and clears the account's failures from there."""
    person("ada")
    for _ in range(2):
        log_in("ada"), log_in("ada")
        assert log_in("ada", PASSWORD).status_code == 302
    for _ in range(7):
        assert log_in("ada", PASSWORD, "203.0.113.9").status_code == 302


def test_a_storm_of_attempts_leaves_few_rows() -> None:
    """Each attempt that was made has its event; of those refused, the 1st, 10th, 100th … has one, with the number."""
    for _ in range(3 + 25):
        log_in("ada", address="203.0.113.9")
    assert events(FAILED).count() == 3
    refused = events(REFUSED).order_by("pk")
    assert [(e.changes["refused"][1], e.changes["username"][1], e.remote_addr) for e in refused] == [
        (n, "ada", "203.0.113.9") for n in (1, 1, 10)
    ]  # by the account's limit until the address has made six attempts, then by the address's
    limits = [e.changes["limit"][1] for e in refused]
    assert limits == ["log_in_account_from_address", "log_in_from_address", "log_in_from_address"]


def test_no_cache_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch, clock: Clock, caplog: Any) -> None:
    """While the shared cache is down each process counts by itself, says so once, and asks again after 30 s."""
    person("ada")
    asked = []

    def down(*args: Any, **kwargs: Any) -> None:
        asked.append(args)
        raise ConnectionError

    caches[throttle.PROCESS].clear()
    with monkeypatch.context() as patch:
        patch.setattr(caches["default"], "add", down)
        patch.setattr(caches["default"], "decr", down)
        assert log_in("ada", PASSWORD).status_code == 302
        assert [log_in("ada").status_code for _ in range(4)] == [200] * 3 + [429]
    assert len(asked) == 1
    assert caplog.text.count("counted by each process alone: ConnectionError") == 1
    assert log_in("ada", PASSWORD).status_code == 429
    clock.now += throttle.RETRY
    assert log_in("ada", PASSWORD).status_code == 302


def test_addresses_are_networks() -> None:
    """IPv4 in its IPv6 form is IPv4, an IPv6 address is its /64, and what is none counts for nobody."""
    given = {"::ffff:198.51.100.7": "198.51.100.7", "2001:db8::1": "2001:db8::/64", "": "", "fe80::1%eth0": "fe80::/64"}
    asked = {address: network(RequestFactory().get("/", REMOTE_ADDR=address)) for address in given}
    assert asked == given


# --- registration ---------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_registration_does_not_tell_whether_an_address_is_known(client: Client) -> None:
    """A known address is answered as an unknown one is, and the account is as good; the address gets a mail."""
    person("ada")
    mail.outbox.clear()
    answers = []
    for name, address in (("zoe-a", "ADA@Example.org"), ("zoe-b", "zoe-b@example.org")):
        stranger = Client()
        response = stranger.post(reverse("users:register"), registration(name, email=address))
        profile = stranger.get(response.headers["Location"])
        shown = re.sub(r'value="\w{64}"|<span aria-hidden="true">\w+</span>', "", profile.content.decode())
        for said in (address, address.replace("Example", "example"), name):
            shown = shown.replace(said, "")
        answers.append((response.status_code, response.headers["Location"], shown))
        assert log_in(name, PASSWORD).status_code == 302
        assert in_step(User.objects.get(username=name))
    assert answers[0] == answers[1]
    assert [message.to for message in mail.outbox] == [["ADA@example.org"], ["zoe-b@example.org"]]
    assert "Hello zoe-a," in mail.outbox[0].body
    assert "is unchanged" in mail.outbox[0].body


def test_a_profile_does_not_tell_either(client: Client) -> None:
    """Changing one's address to a known one is an edit like any other."""
    person("ada")
    client.force_login(person("eve"))
    edit = {"name": "Eve", "email": "ada@example.org"}
    assert client.post(reverse("users:profile"), edit).status_code == 302


def test_registrations_from_an_address_are_limited(clock: Clock) -> None:
    """Also those with mistakes, which tell whether a name is taken; what was typed stays, and nothing is looked up."""
    person("grace")
    here = {"REMOTE_ADDR": "198.51.100.7"}
    names = ("ada", "grace", "grace", "grace")
    codes = [Client(**here).post(reverse("users:register"), registration(name)).status_code for name in names]
    assert codes == [302, 200, 200, 200]
    refused = Client(**here).post(reverse("users:register"), registration("grace"))
    html = refused.content.decode()
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3600")
    assert "Too many registrations from your network. Try again in 60 minutes." in html
    assert "taken" not in html
    assert 'value="grace@example.org"' in html
    there = Client(REMOTE_ADDR="203.0.113.9").post(reverse("users:register"), registration("eve"))
    assert there.status_code == 302
    clock.now += 3600
    assert Client(**here).post(reverse("users:register"), registration("hopper")).status_code == 302


def test_resets_are_limited_and_a_mailbox_is_not_filled() -> None:
    """More mails to one mailbox are not sent, with the same answer; more requests from one address are refused."""
    person("ada")
    mail.outbox.clear()
    codes = []
    for n in range(5):
        stranger = Client(REMOTE_ADDR=f"203.0.113.{n}")
        codes.append(stranger.post(reverse("users:password_reset"), {"email": "Ada@example.org"}).status_code)
    assert codes == [302] * 5
    all_mail_sent()
    assert len(mail.outbox) == 2
    other = {"email": "nobody@example.org"}
    answers = [Client(REMOTE_ADDR="192.0.2.1").post(reverse("users:password_reset"), other) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [302] * 4 + [429]
    html = answers[-1].content.decode()
    assert "Please wait:" in html
    assert "Too many requests from your network" in html


def test_a_reset_does_not_tell_by_its_time_who_has_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the mail server, and for an unknown address as much is done: a mail written, a thread begun."""
    person("ada")
    mail.outbox.clear()
    answered, written, sent = threading.Event(), [], []

    def send(message: EmailMessage) -> int:
        sent.append((message.to, answered.wait(20)))
        return 1

    def render(template: str, context: Any) -> str:
        written.append(template)
        return render_to_string(template, context)

    monkeypatch.setattr(EmailMessage, "send", send)
    monkeypatch.setattr(forms, "render_to_string", render)
    for address in ("ada@example.org", "nobody@example.org"):
        written.clear()
        assert Client().post(reverse("users:password_reset"), {"email": address}).status_code == 302
        assert len(written) == 2, address
    answered.set()
    all_mail_sent()
    assert sent == [(["ada@example.org"], True)]


# --- names ----------------------------------------------------------------------------------------
REFUSED_NAMES = {
    "reserved": ["anonymous", "Anonymous", "unknown", "a.nonymous", "_unknown_", "AnonymousUser", "nobody", "os:root",
                 "os.root", "OS-root", "shell", "\uff41nonymous"],
    "at least one letter": ["1", "42", "-1", "1.5", "+49", "...", "\uff11\uff12", "٤٢"],
    "alphabets": ["\u0430da", "ad\u0430", "p\u0430ypal", "\u03b1da", "ada\u0399", "\uff50\u0430ypal"],
    "invisible": ["ad\u200ba", "ada\u2060", "\u202eada", "ad\u00ada", "ada\u115f", "ad\u3164a", "a\u180ed", "\ufeffad",
                  "ad\x07a", "ada\U000e0061"],
    "valid username": ["ada lovelace", "ada/1", "<ada>", "ada\u0301\u0301"],
}  # fmt: skip


@pytest.mark.parametrize("said", REFUSED_NAMES)
def test_names_that_read_as_somebody_elses_are_refused(said: str, client: Client, settings: Any) -> None:
    """One sentence says why, and there is no account."""
    settings.THROTTLES = {}
    for name in REFUSED_NAMES[said]:
        response = client.post(reverse("users:register"), registration(name, email="ada@example.org"))
        [error] = response.context["form"].errors["username"]
        assert said in error, name
    assert not User.objects.exists()


def test_names_of_people_are_taken() -> None:
    """In any alphabet, with digits, and with alphabets that are written together."""
    for name in ("ada", "ada1815", "a.lovelace@example.org", "Ångström", "Дмитрий", "Ελένη", "山田太郎", "やまだタロー",
                 "山田taro", "김철수", "محمد", "ada_L-1", "test", "unknown-pleasures", "oscar", "os2"):  # fmt: skip
        check_name(name)
    with pytest.raises(ValidationError, match=r"U\+200B"):
        check_name("ad\u200ba")


@pytest.mark.one_database
def test_processes_count_together_in_valkey(valkey_url: str, settings: Any) -> None:
    """What one process counted, another finds; what succeeded is given back; a window ends by itself."""
    settings.CACHES = {
        **settings.CACHES,
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": valkey_url},
    }
    limit = throttle.Limit("log_in_account", ("ada",))
    assert [limit.count() for _ in range(3)] == [1, 2, 3]
    caches["default"].close()
    limit.give_back()
    assert limit.count() == 3
    [key] = caches["default"]._cache.get_client().keys("*throttle*")
    assert b"ada" not in key
    assert 0 < caches["default"]._cache.get_client().ttl(key) <= 900
    limit.forget()
    assert limit.count() == 1
