"""Guards are installed, kept through migrations, checked and removed, each by one command."""

from __future__ import annotations

import pytest
from django.core.management import CommandError
from django.db import connection
from django.test import override_settings

from signal_log.audit.guard import installed
from signal_log.models import SignalEvent
from tests.integration.guard.command import guard, told, warnings
from tests.integration.outside import Outside
from tests.shop.models import Item, Label

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_list_and_the_check_tell_what_no_longer_fits(outside: Outside) -> None:
    """A trigger that is gone, and one that would write down what has come to be masked; installing again mends both."""
    assert guard("list").splitlines() == ["shop.Item  guarded", "shop.Label  guarded", "shop.Setting  guarded"]
    assert not warnings()
    installed.run(connection, installed.triggers.undoing("Shop Labels", connection))
    with override_settings(SIGNAL_LOG={"MODELS": ["shop.*"], "MASK_FIELDS": {"shop.Item": ["name"]}}):
        found = warnings()
        assert [message.hint for message in found] == [
            "python manage.py signal_guard install shop.Item", "python manage.py signal_guard install shop.Label",
        ]  # fmt: skip
        assert "no longer fit" in found[0].msg
        guard("install", "shop.Item", "shop.Label")
        assert not warnings()
    assert [message.id for message in warnings()] == ["signal_log.W031"]


def test_a_column_can_be_added_and_dropped(outside: Outside) -> None:
    """Migrations change guarded tables as if there were no triggers, and these fit again afterwards."""
    plan = [("a migration", False)]
    installed._before_migrate(using="default", plan=plan)
    with connection.cursor() as cursor:
        cursor.execute('ALTER TABLE "Shop Labels" ADD COLUMN extra integer')
        cursor.execute('ALTER TABLE "Shop Labels" DROP COLUMN extra')
    installed._after_migrate(using="default", plan=plan)
    assert not warnings()
    outside.ask("INSERT INTO \"Shop Labels\" (text) VALUES ('a')")
    assert len(told()) == 1


def test_installing_and_removing_are_events_and_can_be_tried(outside: Outside) -> None:
    """With --sql nothing is done; removed triggers tell nothing more."""
    shown = guard("install", "--dry-run", "shop.Thing")
    assert "TRIGGER" in shown
    assert "shop.Thing" not in guard("list")
    assert "DROP TRIGGER" in guard("remove", "--sql", "shop.Item")
    assert guard("remove", "shop.Item", "shop.Label", "shop.Setting").count("guarded no longer") == 3
    Item.objects.create()
    outside.ask("UPDATE shop_item SET stock = 3")
    assert not told()
    events = SignalEvent.objects.filter(signal__in=[installed.GUARDED, installed.UNGUARDED]).order_by("pk")
    assert [event.signal for event in events] == [installed.GUARDED, installed.UNGUARDED]
    assert "No table is guarded" in guard("list")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("install", "shop.Itm"), "There is no model 'shop.Itm'. Did you mean shop.Item?"),
        (("install", "shop.Note"), "shop.Note is not observed"),
        (("install", "shop.Token"), "The key of shop.Token is masked"),
        (("remove", "shop.Item"), "shop.Item is not guarded. Guarded: no table."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    """Exit status 2, and nothing is written."""
    with pytest.raises(CommandError, match=sentence.split(".")[0]) as raised:
        guard(*words)
    assert sentence in str(raised.value)
    assert raised.value.returncode == 2
    assert not SignalEvent.objects.filter(signal__startswith="signal_log.").exists()


def test_triggers_go_with_the_tables_of_the_log(outside: Outside) -> None:
    """After `migrate signal_log zero` every program writes as it did before."""
    Label.objects.create(text="a")
    plan = [("a migration", True)]
    installed._before_migrate(using="default", plan=plan)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE signal_log_pastwrite RENAME TO elsewhere")
    installed._after_migrate(using="default", plan=plan)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE elsewhere RENAME TO signal_log_pastwrite")
    assert not installed._found(connection)
    outside.ask("UPDATE \"Shop Labels\" SET text = 'b'")
    assert not told()
