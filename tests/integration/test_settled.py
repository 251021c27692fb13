"""Only events below which none can still appear become leaves: with the largest id as the limit, some never would."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from signal_log.models import SealTile, SignalEvent
from signal_log.seal.grow import begin_tree, grow
from signal_log.seal.settled import Horizon, newest_id
from signal_log.store.row import NAMES, TABLE
from tests.factories import make_event

pytestmark = pytest.mark.django_db(transaction=True)
COPY = f"INSERT INTO {TABLE} ({NAMES}) SELECT {NAMES} FROM {TABLE} ORDER BY id LIMIT 1 RETURNING id"  # noqa: S608


def test_all_that_is_visible():
    """On a log that nobody writes to everything is settled, whatever ids were rolled back."""
    assert Horizon().settled(0) == 0
    make_event()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT nextval('{TABLE}_id_seq')")
    newest = make_event().pk
    assert Horizon().settled(0) == newest_id() == newest


@pytest.mark.postgresql
def test_commits_out_of_order(other_connection):
    """Rows that are committed late become leaves in the order of their ids; what is certain is not kept waiting."""
    first = make_event().pk
    tree, horizon = begin_tree("here/log/1"), Horizon()
    assert horizon.settled(0) == first
    late, undone = other_connection(), other_connection()
    second = make_event().pk
    slow = late.execute(COPY).fetchone()[0]
    undone.execute(COPY)
    after = make_event().pk
    undone.rollback()
    assert (first, second, slow) == (slow - 2, slow - 1, after - 2)
    assert newest_id() == after
    assert [horizon.settled(0), horizon.settled(second)] == [second, second]
    grow(tree, horizon.settled(tree.last_id))
    late.commit()
    last = make_event().pk
    grow(tree, horizon.settled(tree.last_id))
    rows = list(SignalEvent.objects.order_by("pk").values_list("pk", flat=True))
    assert rows == [first, second, slow, after, last]
    assert (tree.size, tree.last_id) == (5, last)
    assert SealTile.objects.get(level=0).width == 5


@pytest.mark.postgresql
def test_a_long_transaction_holds_up_only_what_follows_a_gap(other_connection):
    """Others' gaps from before it began are over; rows without a gap go on being settled."""
    horizon = Horizon()
    first = make_event().pk
    assert horizon.settled(0) == first
    long, short = other_connection(), other_connection()
    short.execute(COPY)
    before = make_event().pk
    assert horizon.settled(0) == before - 2
    long.execute(f"LOCK TABLE {TABLE} IN ROW EXCLUSIVE MODE")
    short.rollback()
    assert horizon.settled(0) == before
    following = [make_event().pk for _ in range(3)]
    assert horizon.settled(0) == following[-1]
    short.execute(COPY)
    short.rollback()
    make_event()
    assert horizon.settled(0) == following[-1]
    long.rollback()
    assert horizon.settled(0) == newest_id()


def test_a_thread_of_its_own_sees_the_same():
    """The horizon asks the connection of the thread that looks."""
    newest = make_event().pk
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(Horizon().settled, 0).result() == newest
        thread.submit(lambda: connection.close()).result()  # noqa: PLW0108  of that thread
