"""Who made a change and from where: facts of the request, resolved late, without queries of our own."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from signal_log.capture.middleware import SignalLogMiddleware
from signal_log.capture.trace.context import current_actor, remote_addr
from tests.log import recorded
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]
User = get_user_model()


def respond(view, request=None):
    """Send a request through sessions, authentication and our middleware."""
    stack = SessionMiddleware(AuthenticationMiddleware(SignalLogMiddleware(view)))
    return stack(request or RequestFactory().post("/shop/?token=geheim"))


def saving(request):
    Category.objects.create(name=f"c{Category.objects.count()}")
    return HttpResponse()


def test_request_is_on_its_events():
    """Events have the request's method, path without the query string, address and request id."""
    request = RequestFactory().put("/shop/?token=geheim", REMOTE_ADDR="198.51.100.7", headers={"X-Request-ID": "r-1"})
    with recorded() as events, override_settings(SIGNAL_LOG={**SIGNAL_LOG, "TRUSTED_PROXIES": 1}):
        respond(saving, request)
    assert {(e.source, e.method, e.path, e.remote_addr, e.request_id) for e in events} == {
        ("http", "PUT", "/shop/", "198.51.100.7", "r-1")
    }
    assert len({e.trace_id for e in events}) == 1


def test_everything_in_a_request_is_one_trace():
    """Two saves in one request share the trace, and their positions count on."""

    def twice(request):
        saving(request)
        return saving(request)

    with recorded() as events:
        respond(twice)
    assert [e.position for e in events] == [1, 2, 3, 4]
    assert len({e.trace_id for e in events}) == 1


def test_account_that_the_view_looked_at():
    """The actor is the account behind request.user."""
    user = User.objects.create_user("ada")
    client = Client()
    client.force_login(user)
    with recorded() as events:
        client.post("/accounts/profile/", {"name": "Ada", "email": "ada@example.org"})
    mine = [e for e in events if e.sender == "users.Profile"]
    assert mine
    assert {(e.actor_pk, e.actor_repr) for e in mine} == {(str(user.pk), "ada")}


def test_account_set_late():
    """When token authentication sets request.user inside the view, the events written afterwards name that account."""
    user = User.objects.create_user("ada")

    def view(request):
        request.user = user
        return saving(request)

    with recorded() as events:
        respond(view)
    assert {e.actor_repr for e in events} == {"ada"}


def test_log_out_within_the_transaction():
    """Work done before a log-out belongs to the account, even if it is written with a later COMMIT."""
    user = User.objects.create_user("ada")

    def view(request):
        with transaction.atomic():
            request.user = user
            saving(request)
            request.user = AnonymousUser()
        return HttpResponse()

    with recorded() as events:
        respond(view)
    assert {e.actor_repr for e in events} == {"ada"}


def test_log_in_is_by_who_logged_in():
    """The `last_login` saved by a log-in belongs to the account itself, although the request began anonymously."""
    User.objects.create_user("ada", password="correct horse")
    with recorded() as events:
        Client().post("/accounts/login/", {"username": "ada", "password": "correct horse"})
    assert {(e.actor_repr, tuple(e.changes)) for e in events if e.signal.endswith("_save")} == {
        ("ada", ("last_login",))
    }


def test_anonymous_and_unresolved():
    """Without a log-in the actor is "anonymous", and a view that never looks at the user makes no query for us."""

    def view(request):
        with CaptureQueriesContext(connection) as queries:
            Category.objects.create(name="a")
        view.statements = [q["sql"].split()[0] for q in queries]
        return HttpResponse()

    with recorded() as events:
        respond(view)
    assert {(e.actor_pk, e.actor_repr) for e in events} == {("", "anonymous")}
    assert (
        view.statements == ["BEGIN", "INSERT", "COMMIT"]
        or view.statements == ["INSERT"]
        or "SELECT" not in (view.statements)
    )


def test_requests_that_write_nothing_cost_no_query():
    """The middleware itself makes no query."""
    with CaptureQueriesContext(connection) as queries:
        respond(lambda request: HttpResponse())
    assert len(queries) == 0


async def test_async_stack():
    """An async server gives the same facts."""

    async def view(request):
        request.user = AnonymousUser()
        await Category(name="a").asave()
        return HttpResponse()

    from asgiref.sync import sync_to_async
    from django.db import connections

    from signal_log.models import SignalEvent

    await SignalLogMiddleware(view)(AsyncRequestFactory().post("/async/"))
    events = [event async for event in SignalEvent.objects.filter(sender="shop.Category")]
    await sync_to_async(connections.close_all)()
    assert {(e.source, e.path, e.actor_repr) for e in events} == {("http", "/async/", "anonymous")}
    assert len(events) == 2


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "", "10.0.0.1"),
        (1, "<script>", ""),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_forwarded_addresses_are_believed_as_far_as_told(proxies, forwarded, expected):
    """Only the addresses written by the trusted proxies count, not what the client made up before them."""
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": forwarded})
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "TRUSTED_PROXIES": proxies}):
        assert remote_addr(request) == expected


def test_outside_requests():
    """In a test the source is "test" and the actor is the machine's user."""
    with recorded() as events:
        Category.objects.create(name="a")
    assert {e.source for e in events} == {"test"}
    assert all(e.actor_repr.startswith("os:") for e in events)
    assert current_actor().name == events[0].actor_repr


def test_commands(tmp_path):
    """A management command is one trace with its name as the source."""
    file = tmp_path / "f.json"
    file.write_text(
        '[{"model": "shop.category", "pk": 1, "fields": {"name": "a"}},'
        ' {"model": "shop.category", "pk": 2, "fields": {"name": "b"}}]'
    )
    with recorded() as events:
        call_command("loaddata", str(file), verbosity=0)
    assert {e.source for e in events} == {"command:loaddata"}
    assert len({e.trace_id for e in events}) == 1
