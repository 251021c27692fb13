"""Any other signal: log-in, log-out, failed log-in and a project's own, without their secrets."""

import contextlib
from collections import namedtuple

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.db import connection, transaction
from django.dispatch import Signal
from django.test import Client, RequestFactory, override_settings
from django.utils.functional import SimpleLazyObject

import signal_log
from signal_log import pipeline
from signal_log.capture.model.secret_names import SecretNames
from signal_log.capture.signals.arguments import Arguments
from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.store.read import as_mapping
from tests.coroutines import run
from tests.log import recorded
from tests.shop.models import Category, Note
from tests.shop.signals import cached, order_paid

pytestmark = pytest.mark.django_db(transaction=True)

PAID = "tests.shop.signals.order_paid"
LOGINS = [f"django.contrib.auth.signals.user_{name}" for name in ("logged_in", "logged_out", "login_failed")]
SECRET = "correct-horse-battery-staple"


@pytest.fixture(autouse=True)
def observed_signals(settings):
    """Record the log-ins and the shop's own signals during a test, and restore Django's signals afterwards."""
    pipeline.stop()
    extra = [*LOGINS, PAID, "tests.shop.signals.cached"]
    with override_settings(SIGNAL_LOG={**settings.SIGNAL_LOG, "EXTRA_SIGNALS": extra}):
        pipeline.start()
        yield
        pipeline.stop()
    assert type(order_paid) is Signal
    pipeline.start()


@pytest.fixture
def receiver():
    """Connect receivers to the shop's signal for one test."""
    connected = []

    def connect(function):
        order_paid.connect(function, weak=False)
        connected.append(function)
        return function

    yield connect
    for function in connected:
        order_paid.disconnect(function)


def by_send(**named):
    return order_paid.send(Category, **named)


def by_send_robust(**named):
    return order_paid.send_robust(Category, **named)


def by_asend(**named):
    return run(order_paid.asend(Category, **named))


def by_asend_robust(**named):
    return run(order_paid.asend_robust(Category, **named))


def by_send_on_a_loop(**named):
    async def work():
        return order_paid.send(Category, **named)

    return run(work())


@pytest.mark.parametrize("way", [by_send, by_send_robust, by_asend, by_asend_robust, by_send_on_a_loop])
def test_every_way_to_send(way, receiver):
    """Each way to send leaves one event with the receivers timed, and returns the responses that Django gives."""
    answer = receiver(lambda **_: "thanks")
    with recorded() as events:
        responses = way(amount=5)
    assert responses == [(answer, "thanks")]
    [event] = events
    assert (event.signal, event.sender, event.outcome) == (PAID, "shop.Category", "committed")
    assert event.changes == {"amount": [None, 5]}
    assert "<lambda>" in event.receivers[0]["receiver"]
    assert event.receivers[0]["duration_us"] >= 0
    assert event.source == "test"


def test_without_receivers():
    """A signal is recorded even if nobody listens to it."""
    with recorded() as events:
        assert cached.send("a sender") == cached.send_robust("a sender") == []
    assert [(e.sender, e.receivers) for e in events] == [("a sender", [])] * 2


@pytest.mark.parametrize("way", [by_send, by_asend])
def test_async_and_sync_receivers(way, receiver):
    """Both kinds are timed, and the save of a sync receiver is caused by it."""

    async def later(**_):
        return "later"

    def now(**_):
        Category.objects.create(name="paid")

    receiver(later)
    receiver(now)
    with recorded() as events:
        way()
    extra = next(e for e in events if e.signal == PAID)
    assert {r["receiver"].rpartition(".")[2].partition(":")[0] for r in extra.receivers} == {"later", "now"}
    saves = [e for e in events if e.sender == "shop.Category" and e.signal != PAID]
    assert [e.signal for e in saves] == ["pre_save", "post_save"]
    assert {(e.trace_id, e.parent_position) for e in saves} == {(extra.trace_id, extra.position)}
    assert all(".now:" in e.caused_by for e in saves)


@pytest.mark.parametrize("way", [by_send, by_asend])
def test_raising_receiver(way, receiver):
    """The exception propagates as without the log, and the event names the receiver that raised it."""

    def refuse(**_):
        raise ValueError("no")

    receiver(refuse)
    with recorded() as events, pytest.raises(ValueError, match="no"):
        way()
    assert [e.receivers[0]["error"] for e in events] == ["ValueError: no"]


@pytest.mark.parametrize("way", [by_send_robust, by_asend_robust])
def test_robustly_raising_receiver(way, receiver):
    """`send_robust` returns the exception, and the event has it too."""

    def refuse(**_):
        raise ValueError("no")

    receiver(refuse)
    with recorded() as events:
        [(function, error)] = way()
    assert (function, type(error)) == (refuse, ValueError)
    assert events[0].receivers[0]["error"] == "ValueError: no"


def test_sent_in_a_pause_of_a_receiver(receiver):
    """What a receiver sends while it has paused the recorder leaves no event, and no receivers on other events."""

    def quietly(**_):
        with signal_log.pause():
            cached.send(Category)

    def heard(**_):
        pass

    receiver(quietly)
    cached.connect(heard, weak=False)
    try:
        with recorded() as events:
            order_paid.send(None)
    finally:
        cached.disconnect(heard)
    [event] = events
    assert [r["receiver"].partition(":")[0].rpartition(".")[2] for r in event.receivers] == ["quietly"]


def test_secret_inside_a_secret():
    """Everything below a secret's name is secret, and is not shown in other arguments either."""
    with recorded() as events:
        order_paid.send(None, api_key={"inner": ["other-planted"]}, message="other-planted was typed")
    assert events[0].changes == {"api_key": [None, "••••••••"], "message": [None, "••••••••"]}


def test_outcome_is_that_of_the_transaction():
    """Sent in a block that is rolled back, the event is rolled back; outside any block it is committed."""
    with recorded() as events:
        with contextlib.suppress(KeyError), transaction.atomic():
            order_paid.send(None)
            raise KeyError
        with transaction.atomic():
            order_paid.send(None)
            assert SignalEvent.objects.filter(signal=PAID, outcome="committed").count() == 1
        order_paid.send(None)
    assert [e.outcome for e in events] == ["rolled_back", "committed", "committed"]


def test_in_a_block_it_comes_before_its_effects(receiver):
    """In a transaction the signal is written before what its receivers did."""
    receiver(lambda **_: Category.objects.create(name="paid"))
    with recorded() as events, transaction.atomic():
        order_paid.send(None)
    assert [e.signal for e in events] == [PAID, "pre_save", "post_save"]
    assert [e.position for e in events] == [1, 2, 3]


def test_a_receivers_rollback_does_not_affect_the_signal(receiver):
    """Outside a transaction, a block that fails in a receiver does not make the signal itself rolled back."""

    def fail(**_):
        with contextlib.suppress(KeyError), transaction.atomic():
            Category.objects.create(name="undone")
            raise KeyError

    receiver(fail)
    with recorded() as events:
        order_paid.send(None)
    assert {(e.signal == PAID, e.outcome) for e in events} == {(True, "committed"), (False, "rolled_back")}


def test_arguments_are_harmless():
    """Objects are shown by key, requests by path; nothing is evaluated, not even a lazy object."""
    category = Category.objects.create(name="books")
    request = RequestFactory().get("/shop/?token=hidden")
    with recorded() as events, CaptureQueries() as queries:
        order_paid.send(
            "shop",
            category=category,
            request=request,
            rows=Category.objects.all(),
            lazy=SimpleLazyObject(Category.objects.get),
            items=[category, 2.5, b"\x00"],
            note=Note(text="x"),
            kind=Category,
            thing=object(),
            text="nul \x00 and lone \ud800",
            api_key="hidden",
        )
        assert queries() == []
    [event] = events
    assert event.changes == {
        "category": [None, f"shop.Category/{category.pk}"],
        "request": [None, "/shop/"],
        "rows": [None, "a queryset of shop.Category"],
        "lazy": [None, "django.utils.functional.SimpleLazyObject"],
        "items": [None, [f"shop.Category/{category.pk}", "2.5", "0x00"]],
        "note": [None, "shop.Note/"],
        "kind": [None, "shop.Category"],
        "thing": [None, "builtins.object"],
        "text": [None, "nul ␀ and lone ���"],
        "api_key": [None, "••••••••"],
    }
    assert (event.sender, event.object_pk, event.object_repr) == ("shop", str(category.pk), "books")


class CaptureQueries:
    """Capture the host's own statements in a block."""

    def __enter__(self):
        self.seen = []
        self.wrapper = connection.execute_wrapper(self._note)
        self.wrapper.__enter__()
        return lambda: self.seen

    def _note(self, execute, sql, params, many, context):
        if "signal_log" not in sql and not sql.startswith("BEGIN"):
            self.seen.append(sql)
        return execute(sql, params, many, context)

    def __exit__(self, *error):
        self.wrapper.__exit__(*error)


def test_log_in_and_out(client: Client):
    """Each event names the account, the request and the actor."""
    user = User.objects.create_user("ada", password=SECRET)
    with recorded() as events:
        client.post("/accounts/login/", {"username": "ada", "password": SECRET})
        client.post("/accounts/logout/")
    found = [e for e in events if e.signal in LOGINS]
    assert [e.signal for e in found] == LOGINS[:2]
    assert {(e.sender, e.object_pk, e.object_repr, e.actor_repr, e.source) for e in found} == {
        ("auth.User", str(user.pk), "ada", "ada", "http")
    }
    assert found[0].changes["request"] == [None, "/accounts/login/"]
    assert any("update_last_login" in call["receiver"] for call in found[0].receivers)
    assert any(e.caused_by.endswith("update_last_login") and e.trace_id == found[0].trace_id for e in events)


def test_failed_log_in_never_shows_the_password(client: Client, receiver):
    """A planted password is nowhere in the log, whatever the signal and its receivers do with it."""
    with recorded() as events:
        client.post("/accounts/login/?next=/" + SECRET, {"username": "mallory", "password": SECRET})
    [event] = [e for e in events if e.signal == LOGINS[2]]
    assert event.changes["credentials"] == [None, {"username": "mallory", "password": "••••••••"}]
    assert event.sender == "django.contrib.auth"

    def leak(credentials, **_):
        raise ValueError(f"wrong: {credentials['password']}")

    receiver(leak)
    with recorded() as more:
        order_paid.send_robust(
            f"sender {SECRET}",
            credentials={"username": "mallory", "password": SECRET, "code": SECRET},
            deep=[{"newToken": SECRET, "vault": {"session_key": {"inner": SECRET}}}],
            lazily=SimpleLazyObject(lambda: SECRET),
            message=f"{SECRET} was typed",
        )
    assert SECRET not in "".join(str(as_mapping(e)) for e in [*events, *more])
    assert more[0].receivers[0]["error"] == "ValueError: ••••••••"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("shop.nowhere.signal", "cannot be imported"),
        ("tests.shop.signals.not_there", "cannot be imported"),
        ("tests.shop.signals.not_a_signal", "is a object, not a signal"),
        ("django.db.models.signals.pre_save", "already recorded"),
        ("django.db.models.signals.m2m_changed", "already recorded"),
    ],
)
def test_wrong_path_is_a_check_error(path, says):
    """`manage.py check` says what is wrong with an entry and what is accepted."""
    with override_settings(SIGNAL_LOG={"MODELS": ["shop.Item"], "EXTRA_SIGNALS": [path]}):
        found = {message.id: message for message in run_checks()}
    assert path in found["signal_log.E007"].msg
    assert says in found["signal_log.E007"].msg
    assert "django.dispatch.Signal" in found["signal_log.E007"].hint


def test_arguments_of_unusual_shape():
    """The names of a named tuple count, bytes are read as text, and headers are pairs of bytes."""
    login = namedtuple("Login", "user password")("ada", "geheim")
    headers = [(b"authorization", b"geheim")]
    sent = Arguments({"login": login, "body": b'{"password": "geheim"}', "headers": headers}, SecretNames())
    changes = sent.changes()
    assert changes["login"] == [None, ["ada", MASK]]
    assert changes["body"] == [None, MASK]
    assert changes["headers"][1][0][1] == MASK
    assert list(sent.secret_values()) == ["geheim"]
