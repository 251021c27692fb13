"""``seen.assert_…``: what passes, and what a failure says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in
from django.db import connections, transaction
from django.db.models.signals import post_save
from django.test import Client

import signal_log
from signal_log.testing import SignalLog, Snapshots, sentences
from signal_log.testing.seen import Seen
from tests.shop.models import Category, Item, Label
from users.models import Profile

LOG = SignalLog()
TREE = """
    updated users.Profile (name)
      sync_user → updated auth.User (first_name)
"""


def edit() -> Seen:
    """Return what renaming a profile fires."""
    ada = User.objects.create(username="ada", first_name="Ada", email="ada@example.org")
    with LOG.capture() as seen:
        ada.profile.name = "Ada L."
        ada.profile.save()
    return seen


def message(fails: Callable[[], None]) -> str:
    """Return what an assertion says that does not hold."""
    with pytest.raises(AssertionError) as caught:
        fails()
    return str(caught.value)


@pytest.mark.django_db
def test_what_holds() -> None:
    """Classes and labels, signals and their names, short and dotted receivers; all collected before any COMMIT."""
    seen = edit()
    seen.assert_fired("post_save", User, created=False, object_pk=User.objects.get(), caused_by="sync_user")
    seen.assert_fired(post_save, "auth.User", times=1, update_fields={"first_name"})
    seen.assert_fired("post_save", changes={"first_name": ("Ada", "Ada L.")})
    seen.assert_not_fired("post_delete", User)
    seen.assert_caused(User, by="sync_user")
    seen.assert_caused("updated auth.User", by="users.signals.sync_user")
    seen.assert_caused("updated auth.User (first_name)", by="signals.sync_user")
    seen.assert_changed(Profile, pk=Profile.objects.get(), name=("Ada", ...), updated=...)
    seen.assert_changed("auth.User", first_name=("Ada", "Ada L."))
    seen.assert_tree(TREE)
    seen.assert_tree(TREE.replace("sync_user", "users.signals.sync_user"), ordered=False)
    seen.assert_tree("sync_user → updated auth.User (first_name)", exact=False)
    assert seen.tree().splitlines()[0] == "updated users.Profile (name)"
    assert [event.outcome for event in seen.events] == ["open"] * 4
    assert [operation.verb for operation in seen.operations] == ["updated", "updated"]
    with LOG.capture() as nothing:
        list(User.objects.all())
    nothing.assert_nothing_fired()
    assert nothing.tree() == ""


@pytest.mark.django_db
def test_a_relation_may_be_named_by_its_column() -> None:
    """The log has it by the field's name."""
    first, second = (Category.objects.create(name=name) for name in "ab")
    item = Item.objects.create(category=first)
    with LOG.capture() as seen:
        item.category = second
        item.save()
    seen.assert_changed(Item, category_id=(first.pk, second.pk))
    seen.assert_changed(Item, category=(first, second))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (lambda seen: seen.assert_fired("post_save", User, created=True),
         ("post_save of auth.User (created=True) did not fire.\nIt fired with created=False.\n\nWhat fired:\n\n"
         "    updated users.Profile (name)\n      sync_user → updated auth.User (first_name)\n")),
        (lambda seen: seen.assert_fired("post_save", User, times=2),
         "post_save of auth.User fired once, 2 expected."),
        (lambda seen: seen.assert_not_fired("post_save", User),
         "post_save of auth.User fired once, none expected.\nThe first was for auth.User PK, by users.signals.sync_"),
        (lambda seen: seen.assert_nothing_fired(), "2 operations fired, none expected."),
        (lambda seen: seen.assert_caused(User, by="sync_profile"),
         "sync_profile did not cause auth.User.\nsync_profile ran after the save of auth.User and caused nothing."),
        (lambda seen: seen.assert_caused(Profile, by="sync_user"),
         "sync_user did not cause users.Profile; it caused updated auth.User (first_name)."),
        (lambda seen: seen.assert_caused(User, by="nobody"), "nobody did not cause auth.User.\nnobody did not run; "),
        (lambda seen: seen.assert_changed(User, first_name=("Ada", "Bo"), last_name=...),
         ('auth.User was not changed like this: first_name "Ada" → "Bo", last_name to anything.\nIt was:\n'
         '  auth.User PK: first_name "Ada" → "Ada L."\n')),
        (lambda seen: seen.assert_changed(Item, name=("a", "b")),
         'shop.Item was not written; expected: name "a" → "b".'),
        (lambda seen: seen.assert_tree("updated users.Profile (name)"),
         ("Signals fired differently (2 operations, 1 expected; - expected, + fired):\n\n"
         "    updated users.Profile (name)\n  +   sync_user → updated auth.User (first_name)\n\n"
         'To accept, paste:\n\n    seen.assert_tree("""\n        updated users.Profile (name)\n'
         '          sync_user → updated auth.User (first_name)\n    """)')),
        (lambda seen: seen.assert_tree(TREE + "        sync_profile → updated users.Profile (name)"),
         ("Signals fired differently (2 operations, 3 expected; - expected, + fired):\n\n"
         "    updated users.Profile (name)\n      sync_user → updated auth.User (first_name)\n"
         "  -     sync_profile → updated users.Profile (name)\n\n"
         "sync_profile ran after the save of auth.User and caused nothing.")),
        (lambda seen: seen.assert_tree("created shop.Item\nupdated users.Profile (name)", exact=False),
         "This was not among what fired:\n\n  - created shop.Item\n    updated users.Profile (name)\n\nWhat fired:"),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_does_not_hold(fails: Callable[[Seen], None], said: str) -> None:
    """The message says what was expected, what happened instead, why if that is known, and the tree."""
    seen = edit()
    assert re.sub(r"auth.User \d+", "auth.User PK", message(lambda: fails(seen))).startswith(said)


@pytest.mark.django_db
def test_what_cannot_be_meant() -> None:
    """A name that does not exist, or of which nothing is recorded, says so instead of "did not fire"."""
    seen = edit()
    for fails, said in (
        (lambda: seen.assert_not_fired("post_save", "auth.Usr"), "no model 'auth.Usr'. Did you mean 'auth.User'?"),
        (
            lambda: seen.assert_not_fired("post_sav", User),
            "No signal 'post_sav' is recorded. Did you mean 'post_save'?",
        ),
        (lambda: seen.assert_not_fired("post_save", Group), 'auth.Group is not observed: SIGNAL_LOG["MODELS"] is ['),
        (lambda: seen.assert_tree("created auth.Group"), "\n\nauth.Group is not observed: "),
        (lambda: seen.assert_caused("created auth.Group", by="x"), "auth.Group is not observed: "),
        (lambda: seen.assert_not_fired("post_save", "shop.Note"), 'shop.Note is not observed: SIGNAL_LOG["EXCLUDE"]'),
        (lambda: seen.assert_fired("m2m_changed", User.groups.through), "for the model whose relation changes"),
        (lambda: seen.assert_changed(User, firstname=...), "no field 'firstname'. Did you mean 'first_name'?"),
    ):
        assert said in message(fails)
    with pytest.raises(TypeError, match=re.escape("no field 'creatd'. Did you mean 'created'")):
        seen.assert_fired("post_save", User, creatd=True)
    with pytest.raises(TypeError, match=re.escape("first_name needs a pair, as in first_name=(old, new)")):
        seen.assert_changed(User, first_name="Ada L.")


@pytest.mark.django_db
def test_order_and_errors_are_told() -> None:
    """The same in another order is said to be that; a receiver that raised is named with its error."""

    def stumble(instance: Label, **_: object) -> None:
        raise LookupError("no such shelf")

    with LOG.capture() as seen:
        Item.objects.create(name="a")
        User.objects.create(username="ada").delete()
    reverse = seen.tree().splitlines()
    text = "\n".join([*reverse[1:], reverse[0]])
    assert "another order; ordered=False accepts any" in message(lambda: seen.assert_tree(text))
    seen.assert_tree(text, ordered=False)
    post_save.connect(stumble, sender=Label)
    try:
        with LOG.capture() as seen, pytest.raises(LookupError), transaction.atomic():
            Label.objects.create(text="x")
    finally:
        post_save.disconnect(stumble, sender=Label)
    seen.assert_tree("created shop.Label [rolled back]")
    said = message(lambda: seen.assert_tree("created shop.Label [rolled back]\n  stumble → created shop.Item"))
    assert "\n\nstumble raised LookupError: no such shelf\n" in said
    said = message(lambda: edit().assert_tree("updated users.Profile (name)\n  sync_user → updated auth.User (email)"))
    assert "caused nothing" not in said


@pytest.mark.django_db
def test_values_in_any_form() -> None:
    """A decimal, a date and an object are compared as what they are, not as the log writes them."""
    category, item = Category.objects.create(name="a"), Item.objects.create(name="a")
    with LOG.capture() as seen:
        item.price, item.sold_on, item.category = Decimal("12.50"), date(2026, 1, 2), category
        item.save()
    seen.assert_changed(Item, price=(0, Decimal("12.5")), sold_on=(None, date(2026, 1, 2)), category=(None, category))
    assert "not changed like this" in message(lambda: seen.assert_changed(Item, price=(0, "cheap")))
    assert message(lambda: seen.assert_changed(Item, pk=0, price=...)).startswith("shop.Item 0 was not written")


@pytest.mark.django_db
def test_masked_values_cannot_be_asserted() -> None:
    """A password's values are not in the log; the message says how to assert that it changed."""
    ada = User.objects.create(username="ada")
    with LOG.capture() as seen:
        ada.set_password("a long enough one")
        ada.save()
    seen.assert_changed(User, password=...)
    assert "assert password=... instead" in message(lambda: seen.assert_changed(User, password=("", "x")))


@pytest.mark.django_db
def test_captures_in_captures_and_requests() -> None:
    """An inner capture takes nothing from the outer one; what the test client causes is seen, log-ins too."""
    ada = User.objects.create_user("ada", "ada@example.org", "a long enough one")
    with LOG.capture() as outer:
        Item.objects.create(name="before")
        with LOG.capture() as inner:
            answer = Client().post("/accounts/login/", {"username": "ada", "password": "a long enough one"})
    assert answer.status_code == 302
    outer.assert_fired("post_save", Item)
    inner.assert_not_fired("post_save", Item)
    inner.assert_fired("post_save", User, object_pk=ada, method="POST", path="/accounts/login/")
    inner.assert_fired(user_logged_in)
    inner.assert_fired("user_logged_in", times=1)


@pytest.mark.django_db(transaction=True)
async def test_async() -> None:
    """A capture in a coroutine sees what Django saves in its threads, committed."""
    with LOG.capture() as seen:
        await Item(name="a").asave()
        await sync_to_async(Item.objects.create)(name="b")
    await sync_to_async(connections.close_all)()
    seen.assert_tree("created shop.Item × 2")
    assert {event.outcome for event in seen.events} == {"committed"}


@pytest.mark.django_db
def test_paused() -> None:
    """A capture in which nothing can be recorded says why."""
    with signal_log.pause():
        assert "Recording is paused here" in message(lambda: LOG.capture().__enter__())


@pytest.fixture
def snapshots(tmp_path: Path) -> Iterator[Callable[[bool], SignalLog]]:
    """Make the fixture's object for a test file in a folder of its own."""
    return lambda update: SignalLog(Snapshots(tmp_path / "test_shop.py", "make it so", update=update))


@pytest.mark.django_db
def test_snapshots(snapshots: Callable[[bool], SignalLog], tmp_path: Path) -> None:
    """A missing one fails and says how to accept; an accepted one passes until something else fires."""

    def fire(*, update: bool, names: str, snapshot: str = "one item") -> None:
        with snapshots(update).capture() as seen:
            for name in names:
                Item.objects.create(name=name)
        seen.assert_matches(snapshot)

    said = message(lambda: fire(update=False, names="a"))
    assert said.startswith("There is no snapshot 'one item' yet (")
    assert said.endswith("    created shop.Item\n\nTo accept: make it so")
    fire(update=True, names="a")
    assert (tmp_path / "__signal_log__" / "test_shop" / "one item.txt").read_text() == "created shop.Item\n"
    fire(update=False, names="b")
    said = message(lambda: fire(update=False, names="ab"))
    assert said.startswith("Signals fired differently (2 operations, 1 expected; - expected, + fired):")
    assert said.endswith("  - created shop.Item\n  + created shop.Item × 2\n\nTo accept: make it so")
    assert "give each a name of its own" in message(lambda: fire(update=True, names="ab"))
    with pytest.raises(ValueError, match="A snapshot's name has letters"):
        fire(update=False, names="a", snapshot="../elsewhere")


def test_nothing_fired_names_each_observed_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where two classes are one model to the log, as historical ones are."""
    monkeypatch.setattr(sentences, "observed", lambda: [User, Group, User])
    with LOG.capture() as seen:
        pass
    said = message(lambda: seen.assert_tree("created auth.User"))
    assert "Nothing fired. Observed are auth.Group, auth.User." in said
