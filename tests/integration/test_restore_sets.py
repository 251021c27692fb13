"""A restore fills in many-to-many sets as they were where the log knows them, and names what it cannot fill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.test import Client

import signal_log
from signal_log import clock
from signal_log.event import M2M_CHANGED, MASK
from signal_log.models import SignalEvent
from tests.factories import event_value, make_event
from tests.integration.test_restore import form_of, offered, posted, shop  # noqa: F401  a fixture
from tests.pruned import prune_before
from tests.shop.models import Item

pytestmark = pytest.mark.django_db


@pytest.fixture
def groups() -> dict[str, Group]:
    """Three groups, by name."""
    return {name: Group.objects.create(name=name) for name in ("editors", "readers", "writers")}


def restored(client: Client, user: Any, at: datetime) -> Any:
    return client.get("/restore/", {"label": "auth.User", "pk": user.pk, "at": at.isoformat()})


def initial(form: Any) -> set[int]:
    """The keys that a browser would show as chosen."""
    return {int(pk) for pk in posted(form)[1].get("groups", [])}


def test_a_set_is_filled_in_as_it_was_from_either_side(root: Client, groups: dict[str, Group]) -> None:
    """What was added, removed, cleared and set since, also from the groups' side, is undone; a person saves it."""
    ada, bob = User.objects.create_user("ada"), User.objects.create_user("bob")
    ada.groups.add(groups["editors"], groups["readers"])
    then = clock.now()
    ada.groups.remove(groups["editors"])
    groups["writers"].user_set.add(ada, bob)
    groups["readers"].user_set.clear()
    page = restored(root, ada, then)
    shown, wanted, why_not = offered(page)["groups"]
    assert (wanted, why_not) == (True, "")
    assert "editors" in shown
    assert "writers" not in shown
    form = form_of(root, page)
    assert initial(form) == {groups["editors"].pk, groups["readers"].pk}
    assert set(ada.groups.all()) == {groups["writers"]}  # nothing was written
    address, sent = posted(form)
    assert root.post(address, sent).status_code == 302
    assert set(ada.groups.all()) == {groups["editors"], groups["readers"]}
    assert set(bob.groups.all()) == {groups["writers"]}


def test_a_member_that_was_deleted_since_is_named(root: Client, groups: dict[str, Group]) -> None:
    """Its row went without a signal; of an object older than the log, that there may be such is said."""
    ada = User.objects.create_user("ada")
    with signal_log.pause():
        old = User.objects.create_user("old")
    for user in (ada, old):
        user.groups.add(groups["editors"], groups["readers"])
    then, lost = clock.now(), groups["readers"].pk
    old.first_name = "Old"
    old.save()
    groups["readers"].delete()
    make_event(sender="auth.Group", object_pk=str(lost), signal="post_delete", changes={"name": ["readers", None]})
    notes = [
        next(each.note for each, _ in restored(root, user, then).context["fields"] if each.name == "groups")
        for user in (ada, old)
    ]
    assert notes == [f"no longer there: {lost}", "without those that were deleted since"]


def test_a_field_that_was_null_at_the_creation_is_known(root: Client) -> None:
    """It can be filled in, as null."""
    item = User.objects.create_user("ada")
    then = clock.now()
    item.last_login = then
    item.save()
    assert offered(restored(root, item, then))["last_login"][2] == ""


def test_a_change_of_a_set_is_restored_from_its_line(root: Client, groups: dict[str, Group]) -> None:
    """Only that relation is chosen."""
    ada = User.objects.create_user("ada")
    ada.groups.set([groups["editors"]])
    User.objects.filter(pk=ada.pk).update(first_name="Ada")
    ada.groups.clear()
    lines = root.get(f"/objects/auth.User/{ada.pk}/").context["parts"][0].lines
    [line] = [line for line in lines if line.event.signal == M2M_CHANGED and "clear" in str(line.event.origin)]
    page = root.get(line.restore_url)
    assert [name for name, (_, wanted, _) in offered(page).items() if wanted] == ["groups"]
    assert initial(form_of(root, page)) == {groups["editors"].pk}


def test_a_deleted_rows_set_is_known_since_its_creation(root: Client, groups: dict[str, Group]) -> None:
    """And a group that is no longer there is named."""
    ada = User.objects.create_user("ada")
    ada.groups.add(groups["editors"], groups["readers"])
    lost = groups["readers"].pk
    pk, then = ada.pk, clock.now()
    ada.delete()
    groups["readers"].delete()
    page = root.get("/restore/", {"label": "auth.User", "pk": pk, "at": then.isoformat()})
    [field] = [each for each, _ in page.context["fields"] if each.name == "groups"]
    assert field.value == [groups["editors"].pk]
    assert field.note == f"no longer there: {lost}"
    assert "not a field of the form" in field.why_not  # the admin's add form of users has none


def test_what_is_not_known_of_a_set_stays_and_is_said(root: Client, groups: dict[str, Group]) -> None:
    """A row older than the log that is gone; a masked set; one that was written past the signals."""
    with signal_log.pause():
        ada = User.objects.create_user("ada")
    start = clock.now()
    make_event(object_pk=str(ada.pk), occurred_at=start - timedelta(days=1))
    assert offered(restored(root, ada, start))["groups"] == ("none", False, "")
    make_event(sender="auth.User_groups", object_pk="", signal="silent_insert", changes={})
    shown, wanted, why_not = offered(restored(root, ada, start))["groups"]
    assert (shown, wanted) == ("", False)
    assert why_not == "the log does not tell which there were: stays as it is"
    late = clock.now()
    make_event(object_pk=str(ada.pk), signal=M2M_CHANGED, changes={"groups": [None, MASK]},
               origin={"action": "post_add"})  # fmt: skip
    assert "does not tell" in offered(restored(root, ada, late))["groups"][2]
    query = {"label": "auth.User", "pk": ada.pk, "at": late.isoformat()}
    with signal_log.pause():
        ada.delete()
    assert "as a new row has it" in offered(root.get("/restore/", query))["groups"][2]


def test_a_set_changed_too_often_is_not_worked_out(
    root: Client, groups: dict[str, Group], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the page says so."""
    monkeypatch.setattr("signal_log.show.story.many_to_many.MOST", 3)
    ada = User.objects.create_user("ada")
    then = clock.now()
    for group in groups.values():
        ada.groups.add(group)
    assert "changed more than 3 times" in offered(restored(root, ada, then))["groups"][2]


@pytest.mark.usefixtures("shop")
def test_a_file_is_named_with_whether_it_is_still_there(root: Client, tmp_path: Any, settings: Any) -> None:
    """Which no form can be filled with; a storage that cannot be asked says that."""
    settings.MEDIA_ROOT = tmp_path
    item = Item.objects.create(name="lamp")
    item.picture.save("lamp.png", ContentFile(b"x"))
    then = clock.now()
    kept = item.picture.name
    item.picture = "other.png"
    item.save()

    def told() -> tuple[str, bool, str]:
        query = {"label": "shop.Item", "pk": item.pk, "at": then.isoformat()}
        return offered(root.get("/restore/", query))["picture"]

    assert told() == (kept, False, "a file, which no form can be filled with: stays as it is; the storage still has it")
    (tmp_path / kept).unlink()
    assert told()[2].endswith("the storage does not have it any more")
    make_event(sender="shop.Item", object_pk=str(item.pk), changes={"picture": ["../../etc/x", "y"]})
    event = SignalEvent.objects.latest("id")
    page = root.get("/restore/", {"label": "shop.Item", "pk": item.pk, "event": event.pk})
    assert offered(page)["picture"][2].endswith("whether the storage still has it cannot be told")


def test_a_prune_is_said_where_it_may_have_taken_what_is_asked(root: Client) -> None:
    """On the state, on two moments, on a restore, at the end of the story and where nothing is left."""
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    with signal_log.pause():
        item = Item.objects.create(name="lamp", stock=6)
    make_event(sender="shop.Item", object_pk=str(item.pk), created=True, changes={"name": [None, "lamp"]},
               occurred_at=long_ago)  # fmt: skip
    make_event(sender="shop.Item", object_pk=str(item.pk), changes={"stock": [5, 6]}, occurred_at=clock.now())
    prune_before(long_ago + timedelta(days=1))
    address, now = f"/objects/shop.Item/{item.pk}/", clock.now().isoformat()
    state = root.get(address, {"at": now}).content.decode()
    two = root.get(address, {"from": (clock.now() - timedelta(days=1)).isoformat(), "to": now}).content.decode()
    for page in (state, two):
        assert "not in any change that is left: older ones may have been pruned" in page
        assert "Older events were pruned, last on" in page
    story = root.get(address).content.decode()
    assert "First event that is left" in story
    assert "Older events were pruned" in story
    assert "Older events were pruned" in root.get("/objects/shop.Item/98765/").content.decode()
    restore = root.get("/restore/", {"label": "shop.Item", "pk": item.pk, "at": now}).content.decode()
    assert "Older events were pruned" in restore


def test_a_redacted_event_says_that_it_is(root: Client) -> None:
    """On its line, in a state, between two moments, and in a restore; erased ones are counted where nothing is left."""
    with signal_log.pause():
        ada = User.objects.create_user("ada")
    at = datetime(2026, 1, 2, tzinfo=UTC)
    for fields in (
        {"object_pk": str(ada.pk), "changes": {"first_name": ["Ada", MASK]}},
        {"object_pk": "", "changes": {}},
    ):
        value = event_value(occurred_at=at, **fields)
        row = SignalEvent(**{**value._asdict(), "trace_id": UUID(value.trace_id), "redacted_at": at})
        SignalEvent.objects.bulk_create([row])
    address, now = f"/objects/auth.User/{ada.pk}/", clock.now().isoformat()
    [line] = root.get(address).context["parts"][0].lines
    assert "A redaction masked a person in it." in line.remarks
    assert "masked: the value was never logged" not in root.get(address).content.decode()
    assert "masked by a redaction" in root.get(address, {"at": now}).content.decode()
    before = (at - timedelta(seconds=1)).isoformat()
    assert "masked by a redaction" in root.get(address, {"from": before, "to": now}).content.decode()
    fields = offered(root.get("/restore/", {"label": "auth.User", "pk": ada.pk, "at": now}))
    assert fields["first_name"][2] == "masked by a redaction: stays as it is"
    erased = "1 event of this model was erased by a redaction"
    assert erased in root.get("/objects/auth.User/98765/").content.decode()
    assert erased in root.get(address, {"at": now}).content.decode()
