"""``signal_traffic`` makes every kind of row, within limits, and touches only the people it created."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import override_settings

from observatory.traffic import people
from observatory.traffic.actions import DEPARTURES, KINDS, Actions
from observatory.traffic.population import GROUP, Population
from observatory.traffic.running import MAX_CONSECUTIVE_FAILURES, Run, Stop, in_own_trace
from observatory.traffic.visitor import allowed_host, traffic_settings
from signal_log.models import SignalEvent
from tests.servers.nursery import Born, Nursery
from users.models import Profile

ROOT = Path(__file__).resolve().parents[2]
# The test must not run in a transaction of its own, because the traffic includes rollbacks.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]

BY_PAGE = {
    "registered": "/accounts/register/",
    "logged in": "/accounts/login/",
    "edited their profile": "/accounts/profile/",
    "changed their address": "/accounts/profile/",
    "changed their password": "/accounts/password/",
    "deleted their account": "/accounts/delete/",
}
OUTCOMES = {
    "rolled back": {"rolled_back"},
    "rolled back in part": {"committed", "rolled_back"},
    "refused: name taken": {"failed"},
    "refused: second profile": {"failed"},
}


ACTIONS = 30


class Terminal(StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def traffic(*arguments: str) -> str:
    """Run the command for some actions, however long they take, and return its summary."""
    out = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "ticks", lambda run: iter([None] * ACTIONS))
        call_command("signal_traffic", *arguments, stdout=out)
    return out.getvalue()


def make_actions(seed: str, keep: int = 8) -> Actions:
    """Return actions with random numbers from this seed."""
    rng = Random(seed)
    return Actions(Population(rng), rng, keep, "testserver")


@pytest.fixture
def actions() -> Iterator[Actions]:
    """Actions in a population of three, the oldest of whom has no browser yet."""
    one = make_actions("a seed")
    with override_settings(**traffic_settings()), one.population.marking():
        for kind in ("created by code", "registered", "registered"):
            one.do(kind)
        yield one


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_leaves_rows_of_its_kind(actions: Actions, kind: str) -> None:
    """By page: path, address and a trace per request; by code: one trace; either way the right outcome."""
    before = SignalEvent.objects.count()
    in_own_trace(lambda: actions.do(kind))
    rows = list(SignalEvent.objects.order_by("id")[before:])
    assert {row.outcome for row in rows} == OUTCOMES.get(kind, {"committed"})
    if kind in BY_PAGE:
        paged = [row for row in rows if row.source == "http"]
        assert paged[-1].path == BY_PAGE[kind]
        assert {row.method for row in paged} == {"POST"}
        assert all(row.remote_addr.startswith(("192.0.2.", "198.51.100.", "203.0.113.")) for row in paged)
    else:
        assert {row.source for row in rows} == {"command:signal_traffic"}
        assert len({row.trace_id for row in rows}) == 1
    if kind in DEPARTURES:
        assert [row.signal for row in rows if row.sender == "auth.User"].count("post_delete") in (1, 2)


def test_each_thing_is_a_trace_of_its_own() -> None:
    """Requests are traces of their own, and the command's own work is not swallowed by one big trace."""
    traffic("--seed=each")
    events = SignalEvent.objects.all()
    assert set(events.values_list("source", flat=True)) == {"http", "command:signal_traffic"}
    assert events.filter(source="http").exclude(actor_repr__in=("", "anonymous")).exists()
    assert max(events.values_list("position", flat=True)) < 20


def test_the_people_who_leave_are_the_actors_of_it(actions: Actions) -> None:
    """A deletion through the account's own page names who deleted, although that account is gone."""
    [oldest] = actions.population.oldest()
    actions.do("deleted their account")
    gone = SignalEvent.objects.filter(signal="post_delete", sender="auth.User").get()
    assert (gone.actor_repr, gone.object_pk) == (oldest.username, str(oldest.pk))


def rows_of(users: list[User]) -> list[dict[str, Any]]:
    """Return everything stored about these people."""
    return [
        {**User.objects.filter(pk=user.pk).values().get(), **Profile.objects.filter(user=user).values().get()}
        for user in users
    ]


def test_nobody_else_is_touched() -> None:
    """Namesakes, users with example addresses, members of the group and administrators are left alone."""
    group = Group.objects.create(name=GROUP)
    namesakes = [User.objects.create_user(name.lower(), f"{name.lower()}@example.org") for name in people.NAMES[:20]]
    member = User.objects.create_user("member", "member@work.example.com")
    superuser = User.objects.create_superuser("root", "root@example.org", "pw")
    member.groups.add(group)
    superuser.groups.add(group)
    real = [*namesakes, member, superuser]
    before = rows_of(real)
    traffic("--keep=4")
    demo = set(User.objects.exclude(pk__in=[user.pk for user in real]))
    assert demo
    assert set(Population(Random()).everyone()) == demo
    assert rows_of(real) == before
    traffic("--clean")
    assert set(User.objects.all()) == set(real)
    assert rows_of(real) == before
    assert Group.objects.filter(name=GROUP).exists(), "somebody else is still in the group"


def test_clean_leaves_nothing_but_the_log() -> None:
    """Accounts, profiles, sessions and the group are removed, and the log keeps what happened."""
    traffic("--seed=each")
    output = traffic("--clean")
    assert "demo people deleted" in output
    assert not User.objects.exists()
    assert not Profile.objects.exists()
    assert not Session.objects.exists()
    assert not Group.objects.exists()
    assert SignalEvent.objects.filter(signal="post_delete", sender="auth.User").exists()


def test_there_are_never_more_people_than_kept() -> None:
    """Surplus people leave, including those from an earlier run."""
    one = make_actions("bounds", keep=5)
    most = 0
    with override_settings(**traffic_settings()), one.population.marking():
        for _ in range(7):
            one.do("created by code")
        kinds = []
        for _ in range(40):
            kinds.append(one.draw())
            one.do(kinds[-1])
            most = max(most, one.population.count()) if kinds[-1] not in DEPARTURES else most
    assert set(kinds[:1]) <= set(DEPARTURES)
    assert most <= 5


def test_a_seed_repeats_itself() -> None:
    """The same seed on an empty population does the same things with the same people in the same order."""
    events = events_of("one")
    assert events_of("one") == events
    assert events_of("two") != events


def events_of(seed: str) -> list[tuple[Any, ...]]:
    """Return what twenty actions of this seed leave in the log, and remove the people afterwards."""
    one, last = make_actions(seed), SignalEvent.objects.values_list("id", flat=True).first() or 0
    with override_settings(**traffic_settings()), one.population.marking():
        for _ in range(20):
            one.do(one.draw())
        events = SignalEvent.objects.filter(id__gt=last).order_by("id")
        found = list(events.values_list("signal", "sender", "object_repr", "outcome", "remote_addr", "caused_by"))
        one.population.delete_all()
    return found


def test_passwords_do_not_come_from_the_seed(actions: Actions) -> None:
    """Knowing the seed does not reveal the passwords."""
    first = {visitor.password for visitor in actions._visitors.values()}
    actions.population.delete_all()
    again = make_actions("a seed")
    with again.population.marking():
        for kind in ("created by code", "registered", "registered"):
            again.do(kind)
    assert len(first) == 2
    assert first.isdisjoint(visitor.password for visitor in again._visitors.values())


def test_no_mail_is_sent() -> None:
    """People come and go without a call to the project's mail backend."""
    output = traffic()
    assert "registered" in output
    assert not mail.outbox


def test_the_summary_counts_what_was_done() -> None:
    """The kinds add up to the total, and the total matches the log."""
    lines = traffic("--seed=nobody").splitlines()
    counts = [int(line.split()[0]) for line in lines]
    assert sum(counts[:-1]) == counts[-1] == ACTIONS
    assert "failed" not in lines[-1]


@pytest.mark.one_database
def test_progress_is_for_terminals() -> None:
    """A terminal gets a line that is overwritten, anything else gets nothing."""
    terminal, pipe = Terminal(), StringIO()
    for stderr in (terminal, pipe):
        call_command("signal_traffic", "--rate=20", "--seconds=0.3", stdout=StringIO(), stderr=stderr)
    assert "last: " in terminal.getvalue()
    assert "\n" not in terminal.getvalue()
    assert pipe.getvalue() == ""


@pytest.mark.one_database
@pytest.mark.parametrize(
    "argument",
    ["--rate=0", "--rate=-1", "--rate=nan", "--rate=inf", "--rate=fast", "--rate=1001", "--seconds=-1",
     "--seconds=nan", "--seconds=inf", "--seconds=soon", "--keep=0", "--keep=2.5", "--keep=all"],
)  # fmt: skip
def test_a_wrong_argument_is_named_with_what_is_accepted(argument: str) -> None:
    """The message quotes what was given and says what is accepted; nothing is created."""
    with pytest.raises(CommandError, match=rf"'{argument.partition('=')[2]}' is not a number .* give"):
        call_command("signal_traffic", argument)
    assert not User.objects.exists()


@override_settings(ALLOWED_HOSTS=[])
@pytest.mark.one_database
def test_a_site_that_answers_to_no_name_is_refused() -> None:
    """Without an allowed host every page would be an error, so the command says so at once."""
    with pytest.raises(CommandError, match="ALLOWED_HOSTS"):
        call_command("signal_traffic", "--seconds=1")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("hosts", "chosen"), [(["*"], "localhost"), ([".example.net"], "example.net"), (["[::1]", "b"], "[::1]")]
)
def test_requests_are_made_to_an_allowed_host(hosts: list[str], chosen: str) -> None:
    """Patterns in ALLOWED_HOSTS are turned into names."""
    with override_settings(ALLOWED_HOSTS=hosts):
        assert allowed_host() == chosen


def test_failures_are_reported_and_too_many_end_the_run() -> None:
    """One failure is a line and a count; ten in a row end the run with an error that quotes the last."""

    def broken(kind: str) -> None:
        raise ValueError("no such page")

    def gone() -> str:
        raise OperationalError("the connection is closed")

    run = Run(1000, 1, Random(), Stop())
    log_in = "logged in".lower
    for _ in range(MAX_CONSECUTIVE_FAILURES - 1):
        assert run.attempt(log_in, broken) == "logged in: ValueError: no such page"
    assert run.attempt(log_in, lambda kind: None) == ""
    for _ in range(MAX_CONSECUTIVE_FAILURES - 2):
        run.attempt(log_in, broken)
    assert run.attempt(gone, broken) == "choosing an action: OperationalError: the connection is closed"
    with pytest.raises(CommandError, match="ValueError: no such page"):
        run.attempt(log_in, broken)
    assert (run.done["logged in"], run.failed["logged in"]) == (1, 2 * MAX_CONSECUTIVE_FAILURES - 2)


def test_a_database_that_is_not_there_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, and where it goes while people are made: the summary is printed all the same."""
    monkeypatch.setattr(Group.objects, "get_or_create", raising(OperationalError("no such table: auth_group\nHINT")))
    with pytest.raises(CommandError, match=r"cannot be used: no such table: auth_group\. Is it running"):
        call_command("signal_traffic", "--seconds", "1")
    monkeypatch.undo()
    monkeypatch.setattr(Population, "count", raising(OperationalError("gone")))
    out = StringIO()
    with pytest.raises(CommandError, match="10 consecutive actions failed, the last with\n  choosing an action: "):
        call_command("signal_traffic", "--rate", "1000", "--seconds", "1", stdout=out, stderr=StringIO())
    assert "the database does not say how many demo people are left" in out.getvalue()


def raising(error: Exception) -> Any:
    """A function that raises it, whatever it is given."""

    def called(*args: object, **kwargs: object) -> None:
        raise error

    return called


@pytest.mark.one_database
def test_the_pace_is_the_rate_on_average() -> None:
    """Half a second at 100 a second makes about fifty actions and ends on time."""
    started = time.monotonic()
    count = sum(1 for _ in Run(100, 0.5, Random("pace"), Stop()).ticks())
    assert 35 <= count <= 65
    assert time.monotonic() - started >= 0.5


def test_it_ends_cleanly_on_signals(nursery: Nursery, tmp_path: Path) -> None:
    """Ctrl-C, SIGTERM and a closed terminal lead to exit code 0, a summary and nothing on standard error."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    files = {how: tmp_path / f"{how.name}.sqlite3" for how in signals}
    printed = {how: tmp_path / f"{how.name}.out" for how in signals}
    errors = {how: tmp_path / f"{how.name}.err" for how in signals}

    def start(how: signal.Signals, *arguments: str) -> Born:
        env = os.environ | {"DATABASE_URL": f"sqlite:///{files[how]}", "DEBUG": "1", "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "django", *arguments]
        with printed[how].open("w") as out, errors[how].open("w") as error:
            born: Born = nursery.popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=error)
        return born

    first, *others = signals
    assert start(first, "migrate", "-v0").wait(60) == 0
    for other in others:
        shutil.copy(files[first], files[other])
    # Without the checks, which speak of the tests' own models.
    children = {how: start(how, "signal_traffic", "--rate", "5", "--skip-checks") for how in signals}
    for how, child in children.items():
        wait_for_a_user(files[how])
        child.send_signal(how)
        assert child.wait(20) == 0, how
        out = printed[how].read_text()
        assert "registered" in out or "created by code" in out  # which of them comes first is random
        assert "demo people left" in out
        assert errors[how].read_text() == ""


def wait_for_a_user(path: Path) -> None:
    """Wait until a user made by another process shows in its database."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with closing(sqlite3.connect(path)) as database:
            if database.execute("SELECT count(*) FROM auth_user").fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError("no traffic")
