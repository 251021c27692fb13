"""Whose request it is, as far as the application has found out: nothing is looked at for the log, nothing guessed."""

from functools import partial

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import connection, connections, transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject, empty
from django_otp.middleware import OTPMiddleware

from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.model.keys import keys_are_secret
from signal_log.models import SignalEvent
from tests.log import recorded
from tests.shop.models import Category

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]
User = get_user_model()


@pytest.fixture
def ada():
    return User.objects.create_user("ada", password="correct horse")


def from_browser(account=None, **headers):
    """A request of a browser, logged in if an account is given, of which nothing has been looked at."""
    request = RequestFactory().post("/shop/", headers=headers)
    if account is not None:
        client = Client()
        client.force_login(account)
        request.COOKIES["sessionid"] = client.cookies["sessionid"].value
    return request


def actors(view, request, *, selects=0):
    """The actors of what a view saves behind Django's middleware, which makes this many queries of its own."""
    stack = SessionMiddleware(AuthenticationMiddleware(SignalLogMiddleware(view)))
    with recorded() as events:
        with CaptureQueriesContext(connection) as queries:
            stack(request)
    assert len([q for q in queries if q["sql"].startswith("SELECT")]) == selects
    return {(e.actor_pk, e.actor_repr) for e in events}


def save(request):
    Category.objects.create(name="a")
    return HttpResponse()


def test_before_anybody_looked(ada):
    """Who has a session that nobody has loaded is unknown, not anonymous; the recorder does not load it."""
    request = from_browser(ada)
    assert actors(save, request) == {("", "unknown")}
    assert not request.session.accessed


def test_a_loaded_session_tells_the_key(ada):
    """Once the application has read its session, the key in it is the actor's, though nobody asked for the account."""

    def view(request):
        request.session.get("cart")
        return save(request)

    assert actors(view, from_browser(ada), selects=1) == {(str(ada.pk), "")}


def test_a_loaded_session_of_nobody():
    """A session without an account is an anonymous visitor's, and so is a request without a session."""

    def view(request):
        request.session.get("cart")
        return save(request)

    assert actors(view, from_browser()) == {("", "anonymous")}
    Category.objects.all().delete()
    assert actors(save, from_browser()) == {("", "anonymous")}


def test_looked_at_before_the_event_is_written(ada):
    """The actor is asked for when the event is written: in a block, whoever looks before its COMMIT names it."""

    def view(request):
        with transaction.atomic():
            save(request)
            assert request.user.is_authenticated
        return HttpResponse()

    assert actors(view, from_browser(ada), selects=2) == {(str(ada.pk), "ada")}


def test_a_name_that_comes_to_be_known(ada):
    """A key from the session gets its name if the account is loaded before the event is written."""

    def view(request):
        request.session.get("cart")
        with transaction.atomic():
            save(request)
            assert request.user.is_authenticated
        return HttpResponse()

    assert actors(view, from_browser(ada), selects=2) == {(str(ada.pk), "ada")}


def test_a_token_that_nobody_has_read():
    """A request with an Authorization header is not anonymous before somebody has looked at it."""
    assert actors(save, from_browser(Authorization="Token tok-123456")) == {("", "unknown")}


def test_without_the_middleware_of_accounts():
    """Where nothing says who it is, nobody is called anonymous."""
    with recorded() as events:
        SignalLogMiddleware(save)(from_browser())
    assert {e.actor_repr for e in events} == {"unknown"}


def test_a_secret_key_in_the_session(ada, monkeypatch):
    """It is shown as that of the object itself would be, as the start of its hash (G7)."""

    def view(request):
        request.session.get("cart")
        return save(request)

    request = from_browser(ada)
    monkeypatch.setattr(User._meta.pk, "name", "token")
    keys_are_secret.cache_clear()
    [(pk, _)] = actors(view, request, selects=1)
    keys_are_secret.cache_clear()
    assert pk.startswith("hmac:")


def wrap(request, times):
    """Do what somebody's middleware does: put a lazy object around the user."""
    for _ in range(times):
        request.user = SimpleLazyObject(partial(lambda user: user, request.user))


def evaluated(user):
    """Whether any of the lazy objects around a user is."""
    while issubclass(type(user), SimpleLazyObject):
        if (user := vars(user)["_wrapped"]) is not empty:
            return True
    return False


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_user_wrapped_again(ada, times):
    """The innermost user counts."""

    def view(request):
        wrap(request, times)
        assert request.user.is_authenticated
        return save(request)

    assert actors(view, from_browser(ada), selects=2) == {(str(ada.pk), "ada")}


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_wrapped_user_that_nobody_has_looked_at(ada, times):
    """No lazy object is evaluated for the log, on none of its levels."""

    def view(request):
        wrap(request, times)
        save(request)
        assert not evaluated(request.user)

    assert actors(view, from_browser(ada)) == {("", "unknown")}


def test_looked_at_before_it_was_wrapped(ada):
    """An account that the application has found is known, though the lazy object around it is not evaluated."""

    def view(request):
        assert request.user.is_authenticated
        wrap(request, 1)
        return save(request)

    assert actors(view, from_browser(ada), selects=2) == {(str(ada.pk), "ada")}


def test_a_wrapped_user_without_a_session():
    """Where the user depends on Django's session alone, and there is none, looking would find nobody."""

    def view(request):
        wrap(request, 2)
        return save(request)

    assert actors(view, from_browser()) == {("", "anonymous")}


def test_a_user_from_elsewhere():
    """A lazy user that does not come from the session may be anybody."""

    def view(request):
        request.user = SimpleLazyObject(lambda: User(username="from a cookie of its own"))
        return save(request)

    assert actors(view, from_browser()) == {("", "unknown")}


class Service:
    """A user as some token authentications make it, which is no model."""

    id = 7
    is_authenticated = True

    def __str__(self):
        return "the till"


class Broken:
    """A user whose attributes raise."""

    @property
    def is_authenticated(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("user", "expected"),
    [(Service(), ("7", "the till")), (Broken(), ("", "unknown")), (None, ("", "anonymous"))],
    ids=["service", "broken", "none"],
)
def test_users_that_are_no_models(user, expected):
    """Whatever a host sets as the user, the save goes on."""

    def view(request):
        request.user = user
        return save(request)

    assert actors(view, from_browser()) == {expected}


def test_a_name_that_is_not_loaded(ada):
    """The name of an account that was loaded without it is not asked for."""

    def view(request):
        request.user = User.objects.only("pk").get()
        save(request)
        assert "username" in request.user.get_deferred_fields()

    assert actors(view, from_browser(), selects=1) == {(str(ada.pk), "")}


@pytest.mark.parametrize("looks", [True, False])
def test_behind_django_otp(ada, looks):
    """The key and the name of the account behind django-otp's middleware, which wraps the user."""

    def view(request):
        if looks:
            assert not request.user.is_verified()
        return save(request)

    expected = {(str(ada.pk), "ada")} if looks else {("", "unknown")}
    assert actors(OTPMiddleware(SignalLogMiddleware(view)), from_browser(ada), selects=2 * looks) == expected


async def test_behind_django_otp_on_an_async_server(ada):
    """The same where a coroutine asks for ``auser()``."""

    async def view(request):
        assert (await request.auser()).is_authenticated
        await Category(name="a").asave()
        return HttpResponse()

    request = await sync_to_async(from_browser)(ada)
    SessionMiddleware(view).process_request(request)
    AuthenticationMiddleware(view).process_request(request)
    await OTPMiddleware(SignalLogMiddleware(view))(request)
    events = [event async for event in SignalEvent.objects.filter(sender="shop.Category")]
    await sync_to_async(connections.close_all)()
    assert {(e.actor_pk, e.actor_repr) for e in events} == {(str(ada.pk), "ada")}
