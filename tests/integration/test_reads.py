"""``READS``: who was shown an object of a named model, in the admin, on the log's pages, or where the host says so."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse
from django.utils.html import strip_tags

import signal_log
from observatory.urls import urlpatterns as of_the_project
from signal_log.audit import reads
from signal_log.capture.faults import faults
from signal_log.show.words import kinds
from tests.coroutines import run
from tests.log import lines, recorded
from tests.settings import SIGNAL_LOG
from tests.shop.models import Item

pytestmark = pytest.mark.one_database


def tell(request: HttpRequest, pk: int) -> HttpResponse:
    assert request.user.is_authenticated
    signal_log.viewed(User.objects.get(pk=pk))
    return HttpResponse("shown")


@transaction.non_atomic_requests
async def tell_async(request: HttpRequest, pk: int) -> HttpResponse:
    assert (await request.auser()).is_authenticated
    signal_log.viewed(await User.objects.aget(pk=pk))
    return HttpResponse("shown")


urlpatterns = [path("tell/<int:pk>/", tell), path("tell-async/<int:pk>/", tell_async), *of_the_project]


@pytest.fixture(autouse=True)
def _reads() -> Iterator[None]:
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "READS": ["auth.User"]}):
        yield


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def of(user: User, view: str = "change") -> str:
    return reverse(f"admin:auth_user_{view}", args=[user.pk])


@pytest.mark.django_db(transaction=True)
def test_a_detail_view_of_the_admin_is_an_event(root: Client) -> None:
    """Change page and history, with actor, object, path and request; the list is none, nor is what shows nothing."""
    ada = User.objects.create(username="ada")
    with recorded() as events:
        for address in (of(ada), of(ada, "history"), of(ada, "delete"), reverse("admin:auth_user_changelist")):
            assert root.get(address).status_code == 200
        root.head(of(ada))
        assert root.get(reverse("admin:auth_user_change", args=[0])).status_code == 302
    assert lines(events, "object_pk", "object_repr", "actor_repr", "path", "outcome", "source") == [
        ("accessed", "auth.User", str(ada.pk), "ada", "root", of(ada), "committed", "http"),
        ("accessed", "auth.User", str(ada.pk), "ada", "root", of(ada, "history"), "committed", "http"),
    ]
    assert all(event.request_id for event in events)
    assert events[0].trace_id != events[1].trace_id
    assert kinds.kind(events[0]) == kinds.Kind("viewed", "viewed")


@pytest.mark.django_db(transaction=True)
def test_a_form_that_is_shown_again_is_a_read_and_a_refused_page_is_none(root: Client, client: Client) -> None:
    """A POST that is not accepted shows the object without a GET; 403 shows nothing."""
    ada = User.objects.create(username="ada")
    with recorded() as events:
        assert root.post(of(ada), {"username": ""}).status_code == 200
        client.force_login(User.objects.create(username="staff", is_staff=True))
        assert client.get(of(ada)).status_code == 403
    assert [event.method for event in events if event.signal == "accessed"] == ["POST"]


@pytest.mark.django_db(transaction=True)
def test_the_logs_own_page_of_an_object_is_a_read(root: Client) -> None:
    """Its history holds the object's values, so whoever opens it has seen them; so do its relatives' and a restore."""
    ada = User.objects.create(username="ada")
    with recorded() as events:
        pages = [f"/objects/{row._meta.label}/{row.pk}/" for row in (ada, ada.profile)]
        query = f"?label=auth.User&pk={ada.pk}&at=2100-01-01"
        for page in (*pages, f"{pages[1]}?with=none", f"/restore/{query}", f"/restore/form/{query}"):
            assert root.get(page).status_code == 200
            root.head(page)
    seen = [event for event in events if event.signal == "accessed"]
    assert [(event.object_pk, event.path) for event in seen] == [
        (str(ada.pk), page) for page in (*pages, "/restore/", "/restore/form/")
    ]


@pytest.mark.django_db(transaction=True)
def test_whatever_page_of_the_log_shows_values_is_a_read(root: Client) -> None:
    """An event's page, here and in the admin, and a trace, in each format: each object once, however many events."""
    with signal_log.context(), recorded() as events:
        ada, grace = (User.objects.create(username=name) for name in ("ada", "grace"))
        ada.first_name = "Ada"
        ada.save()
    event = max(
        (one for one in events if one.object_pk == str(ada.pk) and one.sender == "auth.User"), key=lambda e: e.pk
    )
    both, one, admin = {str(ada.pk), str(grace.pk)}, {str(ada.pk)}, reverse("admin:signal_log_signalevent_changelist")
    named = f"/events/?object=auth.User/{ada.pk}"
    for address, keys in (
        (f"/events/{event.pk}/", one),
        (f"/events/{event.pk}/?format=json", one),
        (f"/traces/{event.trace_id}/", both),
        (f"/traces/{event.trace_id}/?format=json", both),
        (f"{admin}{event.pk}/change/", one),
        (f"{admin}?q=auth.User/{ada.pk}", one),
        (named, one),
        (f"{named}&format=json", one),
    ):
        with recorded() as seen:
            root.head(address)
            assert root.get(address).status_code == 200
        accessed = [each.object_pk for each in seen if each.signal == "accessed"]
        assert sorted(accessed) == sorted(keys), address
        assert {each.path for each in seen} == {address.partition("?")[0]}
    with recorded() as seen:
        assert root.get(f"/events/{event.pk}/?format=receivers").status_code == 200
    assert seen == []


@pytest.mark.django_db(transaction=True)
def test_the_live_page_is_a_read_of_all_that_it_will_show(root: Client) -> None:
    """Once, when it is opened; what it loads of the past is a list as any other."""
    with recorded() as seen:
        root.head("/")
        assert root.get("/").status_code == 200
    assert [(each.signal, each.sender, each.object_pk, each.labels) for each in seen] == [
        ("accessed", "auth.User", "", {"live": True})
    ]
    User.objects.create(username="ada")
    with recorded() as seen:
        assert root.get("/events/?format=json").status_code == 200
    assert [(each.signal, each.path) for each in seen] == [("accessed", "/events/")]


@pytest.mark.django_db(transaction=True)
def test_a_list_of_many_objects_is_one_event_that_counts_them(root: Client) -> None:
    """Also a trace of very many. What was recorded of that has no values, so looking at it is no read."""
    actor = str(User.objects.get(username="root").pk)
    with signal_log.context(actor=User.objects.get(username="root")), recorded() as events:
        for number in range(21):
            User.objects.create(username=f"user{number}")
    admin = reverse("admin:signal_log_signalevent_changelist")
    query = "sender=auth.User&signal=post_save"
    for address in (
        "/events/?" + query,
        f"{admin}?{query}",
        f"/actors/{actor}/?{query}",
        f"/traces/{events[0].trace_id}/",
    ):
        with recorded() as seen:
            assert root.get(address).status_code == 200
        (event,) = seen
        assert (event.signal, event.sender, event.object_pk) == ("accessed", "auth.User", ""), address
        assert int(event.labels["objects"]) >= 21
        assert event.object_repr.startswith(f"{event.labels['objects']} ")
        assert event.call_site == ""
    with recorded() as seen:
        assert root.get("/events/?signal=accessed").status_code == 200
        assert root.get(f"/events/{event.pk}/").status_code == 200
    assert seen == []


@pytest.mark.django_db(transaction=True)
@override_settings(ROOT_URLCONF=__name__)
def test_a_host_says_what_its_own_pages_show(root: Client) -> None:
    """Sync and in a coroutine, with the request's actor; only for models that are named."""
    ada = User.objects.create(username="ada")
    with recorded() as events:
        root.get(f"/tell/{ada.pk}/")

        async def ask() -> None:
            client = AsyncClient()
            await client.aforce_login(await User.objects.aget(username="root"))
            await client.get(f"/tell-async/{ada.pk}/")

        run(ask())
        signal_log.viewed(Group(pk=1), ada)
        with signal_log.pause():
            signal_log.viewed(ada)
    seen = [event for event in events if event.signal == "accessed"]
    assert [(event.object_pk, event.path, event.actor_repr) for event in seen[:2]] == [
        (str(ada.pk), f"/tell/{ada.pk}/", "root"),
        (str(ada.pk), f"/tell-async/{ada.pk}/", "root"),
    ]
    assert len(seen) == 3
    with pytest.raises(TypeError, match="takes objects of models"):
        signal_log.viewed("ada")  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_the_admin_under_an_event_loop_is_recorded_too() -> None:
    """The event is written in the request's thread, before the answer goes out."""

    async def ask() -> None:
        client = AsyncClient()
        await client.aforce_login(await sync_to_async(User.objects.create_superuser)("root"))
        ada = await User.objects.acreate(username="ada")
        assert (await client.get(of(ada))).status_code == 200

    with recorded() as events:
        run(ask())
    assert [event.actor_repr for event in events if event.signal == "accessed"] == ["root"]


@pytest.mark.django_db(transaction=True)
def test_models_that_are_not_named_cost_no_query(root: Client) -> None:
    """The same statements with and without the setting."""
    group = Group.objects.create(name="crew")
    address = reverse("admin:auth_group_change", args=[group.pk])
    root.get(address)
    with CaptureQueriesContext(
        connection,
    ) as with_it:
        root.get(address)
        signal_log.viewed(group)
    with override_settings(SIGNAL_LOG=SIGNAL_LOG), CaptureQueriesContext(connection) as without:
        root.get(address)
    assert len(with_it) == len(without)


@pytest.mark.django_db(transaction=True)
def test_pages_of_the_log_cost_no_query_more_without_the_setting(root: Client) -> None:
    """Nothing is asked, and nothing written; with it, what does not name a model costs nothing either."""
    with recorded() as events:
        User.objects.create(username="ada")
    for address in ("/events/", f"/events/{events[0].pk}/", f"/traces/{events[0].trace_id}/"):
        root.get(address)
        counts = []
        for named in ([], ["auth.Permission"]):
            with (
                override_settings(SIGNAL_LOG={**SIGNAL_LOG, "READS": named}),
                CaptureQueriesContext(connection) as found,
            ):
                root.get(address)
            counts.append([query["sql"].split()[0] for query in found])
        assert counts[0] == counts[1]
        assert not {"INSERT", "SAVEPOINT", "BEGIN"} & set(counts[0])


@pytest.mark.django_db(transaction=True)
def test_what_fails_while_a_read_is_recorded_never_reaches_the_host(root: Client) -> None:
    """The page is shown, and the fault is counted as the recorder's."""
    ada = User.objects.create(username="ada")
    for name in ("close", "names", "_in_admin"):
        before = faults.total
        with patch.object(reads, name, side_effect=RuntimeError("no disk")):
            assert root.get(of(ada)).status_code == 200
            assert root.get(of(ada)).status_code == 200
        assert faults.total > before, name


@pytest.mark.django_db(transaction=True)
def test_an_object_seen_in_work_that_is_undone_was_seen_all_the_same() -> None:
    """The event of it stays, as rolled back."""
    ada = User.objects.create(username="ada")
    with recorded() as events, pytest.raises(ZeroDivisionError), transaction.atomic():
        signal_log.viewed(ada)
        raise ZeroDivisionError
    assert [(event.signal, event.outcome) for event in events] == [("accessed", "rolled_back")]


@pytest.mark.django_db
def test_a_family_of_labels_is_one(settings: object) -> None:
    """``app.*`` and ``*`` name models too; so does the label of a proxy or a parent, whose rows are the same."""
    for label, named in (("shop.*", True), ("*", True), ("shop.Item", True), ("auth.*", False), ("shop.Ite", False)):
        with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "READS": [label]}):
            with recorded() as events:
                signal_log.viewed(Item(pk=1, name="lamp"))
            assert bool(events) is named, label


@pytest.mark.django_db(transaction=True)
def test_a_look_says_nothing_of_what_was_looked_at(root: Client) -> None:
    """A page that is opened again still has the object's name, and still says that it was deleted."""
    ada = User.objects.create(username="ada")
    address = f"/objects/auth.User/{ada.pk}/"
    ada.delete()
    for _ in range(3):
        page = root.get(address).content.decode()
        assert "User ada" in " ".join(strip_tags(page).split())
        assert '<span class="kind deleted">deleted</span></h1>' in page
        assert "Restore" in page
    shown = root.get("/restore/", {"label": "auth.User", "pk": ada.pk or address.split("/")[-2], "at": "2030-01-01"})
    assert "ada" in strip_tags(shown.content.decode())
    assert '<span class="muted word">viewed</span>' in page
