"""What the pages of the history say."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import include, path

from signal_log.event import MASK
from signal_log.models import SignalEvent
from tests.factories import make_event
from tests.shop.models import CheapItem, Item

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egnp.exe\x07{{ 7|add:7 }}&amp;"


@pytest.fixture
def client() -> Client:
    """A superuser's client."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


def text(response: Any) -> str:
    """The page's source."""
    return response.content.decode()


def operation(trace: uuid.UUID, position: int, **fields: Any) -> SignalEvent:
    """A pre and a post event; the post event is given back."""
    common = {"trace_id": trace, "operation": position, **fields}
    make_event(**{**common, "signal": "pre_save", "position": position, "created": None})
    return make_event(**{**common, "signal": "post_save", "position": position + 1})


# --- /events/ ---------------------------------------------------------------------------------------
def test_operations_are_folded_and_every_signal_is_one_click_away(client: Client) -> None:
    """By default a save is one line; the switch shows both signals."""
    post = operation(uuid.uuid4(), 1, object_repr="folded-thing")
    folded, every = client.get("/events/?object=folded-thing"), client.get("/events/?object=folded-thing&every=1")
    assert [line.event.pk for line in folded.context["lines"]] == [post.pk]
    assert [line.kind.word for line in every.context["lines"]] == ["post_save", "pre_save"]
    assert 'href="/events/?object=folded-thing&amp;every=1"' in text(folded)


def test_work_that_never_finished_is_shown_folded_too(client: Client) -> None:
    """A failed save has no post signal; a rolled-back one has, and is one line."""
    make_event(signal="pre_save", outcome="failed", error="IntegrityError: no", object_repr="broken", operation=2)
    operation(uuid.uuid4(), 1, outcome="rolled_back", object_repr="broken")
    shown = client.get("/events/?object=broken").context["lines"]
    assert sorted(line.kind.word for line in shown) == ["failed", "rolled back"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sender=shop.Item", {"a", "b"}),
        ("sender=!shop.Item", {"c"}),
        ("signal=post_delete", {"b"}),
        ("outcome=rolled_back", {"c"}),
        ("source=command:import", {"c"}),
        ("actor=linus", {"a"}),
        ("actor=41", {"b"}),
        ("object=shop.Item/1", {"a"}),
        ("q=PURPLE", {"b"}),
        ("sender=shop.Item&actor=linus", {"a"}),
        ("since=2020-01-02&until=2020-01-03", {"b"}),
        ("until=2020-01-01T12:00:00Z", {"a"}),
    ],
)
def test_filters(client: Client, query: str, found: set[str]) -> None:
    """Each filter of the query string finds what it names and nothing else."""
    a = make_event(sender="shop.Item", object_pk="1", actor_repr="linus", actor_pk="40",
                   occurred_at=datetime(2020, 1, 1, tzinfo=UTC))  # fmt: skip
    b = make_event(sender="shop.Item", object_pk="2", signal="post_delete", changes={"colour": ["purple", None]},
                   actor_pk="41", occurred_at=datetime(2020, 1, 2, tzinfo=UTC))  # fmt: skip
    c = make_event(sender="shop.Category", outcome="rolled_back", source="command:import")
    names = {a.pk: "a", b.pk: "b", c.pk: "c"}
    if query.startswith("sender=!"):
        query += "&sender=!auth.User&sender=!users.Profile"
    response = client.get(f"/events/?{query}")
    assert response.status_code == 200
    assert {names.get(line.event.pk) for line in response.context["lines"]} == found


def test_a_bad_filter_is_a_400_that_keeps_what_was_typed(client: Client) -> None:
    """The field says what is accepted; nothing is listed, for it would be mistaken for the answer."""
    response = client.get("/events/", {"since": "last <week>", "q": "kept text", "actor": "ada"})
    assert response.status_code == 400
    page = unescape(text(response))
    assert "'since' must be a date or a time" in page
    assert 'value="last <week>"' in page
    assert 'value="kept text"' in page
    assert 'value="ada"' in page
    assert "lines" not in response.context


def test_an_unknown_filter_is_said(client: Client) -> None:
    """A mistyped key would silently show too much."""
    response = client.get("/events/?sendr=auth.User")
    assert response.status_code == 400
    assert "Unknown filter" in text(response)


def test_no_match_teaches_which_filter_to_drop(client: Client) -> None:
    """The empty page offers to go on without each of the filters."""
    make_event()
    page = text(client.get("/events/?actor=nobody-at-all&sender=auth.User"))
    assert "Nothing matches all of these filters" in page
    assert 'href="/events/?sender=auth.User"' in page
    assert 'href="/events/?actor=nobody-at-all"' in page


def test_an_empty_log_says_how_to_fill_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any event the page names the observed models and a first step."""
    monkeypatch.setattr("signal_log.show.history.events", SignalEvent.objects.none)
    page = text(client.get("/events/"))
    assert "Nothing has been recorded yet" in page
    assert "auth.User" in page


def test_values_lead_to_the_list_of_their_like(client: Client) -> None:
    """Model, actor and source narrow the list and keep the other filters; the object leads to its history."""
    make_event(object_pk="5", actor_repr="grace hopper", source="task")
    page = text(client.get("/events/?source=task"))
    assert 'href="/events/?source=task&amp;sender=auth.User"' in page
    assert 'href="/events/?source=task&amp;actor=grace+hopper"' in page
    assert 'href="/objects/auth.User/5/"' in page
    assert 'href="/events/?source=task"' in page


def test_an_object_named_in_full_is_one_click_away(client: Client) -> None:
    """The filter also looks into names, which takes its time; the object's own page does not."""
    assert 'href="/objects/auth.User/5/">Its own history' in text(client.get("/events/?object=auth.User/5"))
    assert "Its own history" not in text(client.get("/events/?object=no.Such/5"))


def test_the_number_of_queries_does_not_grow(client: Client, django_assert_num_queries: Any) -> None:
    """Two for the session and account, and a few for page, count and choices, for 3 events as for 90."""
    for number in range(90):
        if number == 3:
            with django_assert_num_queries(6):
                client.get("/events/")
        make_event(object_pk=str(number))
    with django_assert_num_queries(6):
        client.get("/events/")


# --- /events/<id>/ ----------------------------------------------------------------------------------
def test_an_event_says_everything(client: Client) -> None:
    """Facts, changes, receivers with errors, cause, partner, neighbours, JSON and digest."""
    trace = uuid.uuid4()
    cause = operation(trace, 1, object_pk="9", object_repr="the-cause")
    earlier = make_event(object_pk="5")
    event = operation(
        trace, 3, object_pk="5", parent_position=2, caused_by="shop.signals.restock", error="",
        changes={"first_name": ["Ada", "Augusta"], "password": [MASK, MASK]}, call_site="shop/views.py:7 in buy",
        receivers=[{"receiver": "shop.signals.mail", "duration_us": 3600, "error": "OSError: no mail"}],
    )  # fmt: skip
    page = text(client.get(f"/events/{event.pk}/"))
    for said in ("Augusta", "masked", "shop.signals.mail", "3.6 ms", "OSError: no mail", "shop.signals.restock",
                 "the-cause", "198.51.100.7", "POST /accounts/profile/", "shop/views.py:7 in buy", "committed",
                 "row and digest agree", f"/traces/{trace}/", "/objects/auth.User/5/"):  # fmt: skip
        assert said in page, said
    assert f'href="/events/{cause.pk}/"' in page
    assert f'href="/events/{event.pk - 1}/">its pre_save' in page
    assert f'rel="prev" href="/events/{event.pk - 1}/"' in page
    assert f'rel="next" href="/events/{event.pk}/"' in text(client.get(f"/events/{event.pk - 1}/"))
    assert earlier.pk < event.pk


def test_a_row_that_was_altered_is_called_that(client: Client) -> None:
    """The digest is computed anew; one that no longer fits is a red sign."""
    event = make_event()
    altered = SignalEvent(**{f.attname: getattr(event, f.attname) for f in event._meta.concrete_fields})
    altered.pk, altered.actor_repr = None, "mallory"
    altered = SignalEvent.objects.bulk_create([altered])[0]
    assert "the row was altered" in text(client.get(f"/events/{altered.pk}/"))


def test_the_admin_page_is_offered_where_the_object_still_exists(client: Client) -> None:
    """A link for a living user, none for a deleted one, none for who may not open it."""
    user = get_user_model().objects.create_user("ada")
    alive, gone = make_event(object_pk=str(user.pk)), make_event(object_pk="999999")
    link = f"/admin/auth/user/{user.pk}/change/"
    assert link in text(client.get(f"/events/{alive.pk}/"))
    assert "In the admin" not in text(client.get(f"/events/{gone.pk}/"))
    assert "In the admin" not in text(client.get(f"/events/{make_event(object_pk='no number').pk}/"))


def test_json(client: Client) -> None:
    """The same mapping as on the wire, for ?format=json and for who accepts only JSON."""
    event = make_event()
    by_query = client.get(f"/events/{event.pk}/?format=json")
    by_header = client.get(f"/events/{event.pk}/", headers={"accept": "application/json"})
    assert by_query["Content-Type"] == "application/json"
    assert json.loads(by_query.content) == json.loads(by_header.content)
    assert json.loads(by_query.content)["trace_id"] == str(event.trace_id)


@pytest.mark.parametrize(
    "address",
    [
        "/events/999999999/", "/events/99999999999999999999999/", "/events/abc/", "/events/0/", "/events/-1/",
        f"/traces/{uuid.UUID(int=5)}/", "/traces/not-a-uuid/",
        "/objects/auth.User/424242/", "/objects/no.Such/1/", "/objects/nonsense/1/", "/objects/auth.User/",
        "/objects/auth.User/a%00b/", "/objects/auth.User/%F0%9F%8E%88/", "/objects/auth.User/%2e%2e/", "/nothing/",
    ],
)  # fmt: skip
def test_what_the_log_does_not_hold_is_a_page_that_says_so(client: Client, address: str) -> None:
    """404 with a heading and a way on, for unknown and for impossible names."""
    response = client.get(address)
    assert response.status_code == 404
    assert "<h1>" in text(response)
    assert 'class="btn primary"' in text(response)


# --- /traces/<uuid>/ --------------------------------------------------------------------------------
def test_registering_reads_as_a_story(client: Client) -> None:
    """request → save User → post_save → users.signals.create_profile → save Profile."""
    name = "grace-of-the-test"
    Client().post("/accounts/register/", {
        "username": name, "first_name": "Grace", "email": "g@example.org",
        "password1": "corre-ct-horse-7", "password2": "corre-ct-horse-7",
    })  # fmt: skip
    trace = SignalEvent.objects.filter(path="/accounts/register/").values_list("trace_id", flat=True)[0]
    response = client.get(f"/traces/{trace}/")
    told = [(row.level, row.label, row.model) for row in response.context["rows"]]
    story = [
        (1, "save", "User"),
        (2, "post_save", "User"),
        (3, "users.signals.create_profile", ""),
        (4, "save", "Profile"),
    ]
    assert [row for row in told if row in story][:4] == story
    assert response.context["title"] == "POST /accounts/register/"
    assert "style=" not in text(response)


def test_a_missing_parent_is_said(client: Client) -> None:
    """Instead of a false root."""
    event = make_event(parent_position=1, position=4, operation=3, caused_by="a.b")
    assert "parent not recorded" in text(client.get(f"/traces/{event.trace_id}/"))
    assert "parent not recorded" in text(client.get(f"/events/{event.pk}/"))


# --- /objects/<label>/<pk>/ -------------------------------------------------------------------------
def test_the_history_of_an_object_includes_its_proxies_and_its_end(client: Client) -> None:
    """From creation to deletion, whatever class it was saved as, under either label."""
    item = Item.objects.create(name="lamp", api_token="hunter2-hunter2")
    pk = item.pk
    CheapItem.objects.get(pk=pk).save()
    item.name = "lantern"
    item.save()
    item.delete()
    for label in ("shop.Item", "shop.CheapItem"):
        response = client.get(f"/objects/{label}/{pk}/")
        assert [line.kind.word for line in response.context["lines"]] == ["deleted", "updated", "updated", "created"]
        assert "lantern" in text(response)
        assert "hunter2" not in text(response)
        assert response.context["is_gone"]


def test_a_moment_shows_the_object_as_it_was(client: Client) -> None:
    """Values then, what is unknown, and whether it was there at all."""
    created = make_event(object_pk="5", created=True, changes={"first_name": [None, "Ada"]},
                         occurred_at=datetime(2020, 1, 2, tzinfo=UTC))  # fmt: skip
    make_event(object_pk="5", changes={"first_name": ["Ada", "Augusta"]}, occurred_at=datetime(2020, 1, 4, tzinfo=UTC))

    def at(moment: str) -> Any:
        return client.get("/objects/auth.User/5/", {"at": moment})

    fields = {known.name: known for known in at("2020-01-03").context["state"].fields}
    assert fields["first_name"].value.text == "Ada"
    assert fields["first_name"].event == created
    assert fields["email"].value is None
    assert "unknown: no recorded change tells it" in text(at("2020-01-03"))
    assert "Augusta" in text(at("2020-01-05"))
    assert "did not exist yet" in text(at("2020-01-01"))
    assert at("noon").status_code == 400
    assert "noon" in text(at("noon"))


@pytest.mark.parametrize(
    "pk", ["a/b", "a b?c#d", "..", "x\ny", "ключ", "%2F", "['a', 1]", "'; DROP TABLE x; --", HOSTILE]
)
def test_hostile_keys_have_a_history(client: Client, pk: str) -> None:
    """The link of the list leads to the page of that very key."""
    event = make_event(sender="shop.Item", object_pk=pk)
    line = next(line for line in client.get("/events/?sender=shop.Item").context["lines"] if line.event == event)
    response = client.get(line.object_url)
    assert response.status_code == 200
    assert [line.event.pk for line in response.context["lines"]] == [event.pk]


# --- hostile text -----------------------------------------------------------------------------------
def test_hostile_text_is_text_everywhere(client: Client) -> None:
    """Markup is escaped, template syntax inert, and invisible characters are named, on every page."""
    event = make_event(
        object_repr=HOSTILE, actor_repr=HOSTILE, caused_by=HOSTILE, parent_position=1, error=HOSTILE, path=HOSTILE,
        outcome="rolled_back", changes={HOSTILE: [HOSTILE, HOSTILE + "more of it"]}, call_site=HOSTILE, object_pk="5",
        receivers=[{"receiver": HOSTILE, "duration_us": 1, "error": HOSTILE}], source="http", request_id=HOSTILE,
        update_fields=[HOSTILE], origin={"model": HOSTILE, "pk": HOSTILE}, process=HOSTILE, using=HOSTILE,
    )  # fmt: skip
    addresses = [
        "/events/", f"/events/{event.pk}/", f"/traces/{event.trace_id}/", "/objects/auth.User/5/",
        f"/admin/signal_log/signalevent/{event.pk}/change/", "/admin/signal_log/signalevent/",
    ]  # fmt: skip
    for address in addresses:
        page = text(client.get(address))
        assert "<script>alert" not in page, address
        assert "<img src=x" not in page, address
        assert "\x07" not in page, address
        assert "[U+202E]" in page, address
        assert "&lt;script&gt;" in page, address


def test_hostile_questions_are_text_too(client: Client) -> None:
    """What is typed into the address comes back as text."""
    for address in ("/events/", "/objects/auth.User/1/", "/events/x/", "/traces/x/"):
        page = text(client.get(address, {"q": HOSTILE, "at": HOSTILE, "actor": HOSTILE}))
        assert "<script>alert" not in page, address


def test_a_value_of_a_megabyte_is_shown(client: Client) -> None:
    """The list stays small; the event's page holds the value."""
    event = make_event(changes={"bio": ["x" * 1_000_000, "y" * 1_000_000]}, object_pk="5")
    assert len(client.get("/events/").content) < 200_000
    assert client.get(f"/events/{event.pk}/").status_code == 200


# --- mounted elsewhere ------------------------------------------------------------------------------
urlpatterns = [
    path("signals/", include("signal_log.urls")),
    path("accounts/", include("users.urls")),
]


@pytest.mark.urls(__name__)
def test_the_pages_work_below_a_prefix(client: Client) -> None:
    """Mounted at /signals/, and without an admin: every address on the pages stays below it."""
    event = make_event(object_pk="5")
    for address in ("/signals/events/", f"/signals/events/{event.pk}/", f"/signals/traces/{event.trace_id}/",
                    "/signals/objects/auth.User/5/"):  # fmt: skip
        page = text(client.get(address))
        assert 'href="/events/' not in page, address
        assert 'href="/signals/events/' in page, address
