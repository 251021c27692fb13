"""Somebody acts as somebody else: the actor is who sits at the keyboard, and the name tells both."""

from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.core.signing import TimestampSigner
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path

from observatory.settings import MIDDLEWARE
from signal_log.capture.trace.actor import request_actor
from tests.log import recorded
from tests.shop.models import Category

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database]
User = get_user_model()


def save(request):
    """Save something, after a look at the account."""
    assert request.user.is_authenticated
    Category.objects.create(name=f"c{Category.objects.count()}")
    return HttpResponse()


urlpatterns = [path("save/", save), path("hijack/", include("hijack.urls")), path("accounts/", include("users.urls"))]


@pytest.fixture
def people():
    return User.objects.create_superuser("admin"), User.objects.create_user("bob"), User.objects.create_user("carol")


@pytest.fixture
def client(people):
    """A browser of the administrator, on a site with django-hijack."""
    own = MIDDLEWARE.index("signal_log.capture.middleware.SignalLogMiddleware")
    middleware = [*MIDDLEWARE[:own], "hijack.middleware.HijackUserMiddleware", *MIDDLEWARE[own:]]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware, HIJACK_INSERT_BEFORE=None):
        client = Client()
        client.force_login(people[0])
        yield client


def actor(client):
    """The actor of a save."""
    with recorded() as events:
        assert client.post("/save/").status_code == 200
    [actor] = {(e.actor_pk, e.actor_repr) for e in events}
    return actor


def test_django_hijack(client, people):
    """While the administrator acts as another, her key is the actor's, and the name says as whom she acts."""
    admin, bob, _ = people
    assert actor(client) == (str(admin.pk), "admin")
    assert client.post("/hijack/acquire/", {"user_pk": bob.pk}).status_code == 302
    assert actor(client) == (str(admin.pk), f"#{admin.pk} (as bob)")
    assert client.post("/hijack/release/").status_code == 302
    assert actor(client) == (str(admin.pk), "admin")


def test_one_after_the_other(client, people):
    """Whoever she acts as on the way, it is the one who began."""
    admin, bob, carol = people
    bob.is_superuser = True
    bob.save()
    for account in (bob, carol):
        client.post("/hijack/acquire/", {"user_pk": account.pk})
    assert actor(client) == (str(admin.pk), f"#{admin.pk} (as carol)")
    client.post("/hijack/release/")
    assert actor(client) == (str(admin.pk), f"#{admin.pk} (as bob)")


def request_by(account, session, **attributes):
    """A request whose account and session have been loaded."""
    request = RequestFactory().get("/")
    request.user, request.session = account, SimpleNamespace(_session_cache=session)
    vars(request).update(attributes)
    return request


@pytest.mark.parametrize(
    "session",
    [
        lambda admin: {"exit_users_pk": [[str(admin.pk), "django.contrib.auth.backends.ModelBackend"], ["2", "x"]]},
        lambda admin: {"loginas_from_user": TimestampSigner().sign(admin.pk)},
        lambda admin: {"hijack_history": [str(admin.pk)]},
    ],
    ids=["django-su", "django-loginas", "django-hijack"],
)
def test_packages_that_keep_the_key_in_the_session(people, session):
    """They are recognised by what they leave there, in the form of their current releases."""
    admin, bob, _ = people
    found = request_actor(request_by(bob, session(admin)))
    assert (found.pk, found.name) == (str(admin.pk), f"#{admin.pk} (as bob)")
    found = request_actor(request_by(bob, {key: [] for key in session(admin)}))
    assert (found.pk, found.name) == (str(bob.pk), "bob")


@override_settings(LOGINAS_FROM_USER_SESSION_FLAG="who")
def test_the_flag_of_django_loginas_by_another_name(people):
    """Its setting is heeded."""
    admin, bob, _ = people
    assert request_actor(request_by(bob, {"who": TimestampSigner().sign(admin.pk)})).pk == str(admin.pk)


def test_django_impersonate(people):
    """It keeps the person at the keyboard on the request, so that both names are known."""
    admin, bob, _ = people
    found = request_actor(request_by(bob, {}, impersonator=admin, real_user=admin))
    assert (found.pk, found.name) == (str(admin.pk), "admin (as bob)")
    found = request_actor(request_by(bob, {}, impersonator=None, real_user=bob))
    assert (found.pk, found.name) == (str(bob.pk), "bob")


def test_before_anybody_looked_at_the_account(people):
    """A loaded session tells both keys."""
    admin, bob, _ = people
    request = RequestFactory().get("/")
    request.session = SimpleNamespace(_session_cache={"_auth_user_id": str(bob.pk), "hijack_history": [str(admin.pk)]})
    found = request_actor(request)
    assert (found.pk, found.name) == (str(admin.pk), f"#{admin.pk} (as #{bob.pk})")


def test_long_names(people):
    """Both names have room, however long they are."""
    admin, bob, _ = people
    admin.username, bob.username = "a" * 150, "b" * 150
    name = request_actor(request_by(bob, {}, impersonator=admin)).name
    assert len(name) == 200
    assert name.startswith("aaa")
    assert name.endswith("… (as " + "b" * 96 + "…)")
