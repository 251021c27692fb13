"""Whatever a program does, the log says what happened: random programs against a simple model.

The test has been seen to fail when a rollback did not reset what objects remember, did not write again what was written
inside it, or took one event too few; when a failed operation was not marked failed; when an upsert lost the old values;
and when an object kept what it had loaded after a `bulk_update`. For a long run, set `PROPERTY_EXAMPLES=3000` and pass
`-o faulthandler_timeout=0`.
"""

import os

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from tests.integration.programs import Machine
from tests.integration.steps import (
    Block,
    BulkCreate,
    BulkUpdate,
    ByHand,
    Delete,
    Elsewhere,
    Load,
    RawDelete,
    Read,
    Reload,
    Save,
    Update,
)  # fmt: skip
from tests.shop.models import Category

pytestmark = pytest.mark.django_db(transaction=True)

SLOTS = st.integers(0, 2)
NAMES = st.sampled_from("abc")
IN_SAVES = st.sampled_from([None, None, None, "pre_save", "post_save"])
IN_DELETES = st.sampled_from([None, None, None, "pre_delete", "post_delete"])
saves = st.builds(Save, SLOTS, NAMES, IN_SAVES, IN_SAVES, IN_SAVES)
deletes = st.builds(Delete, st.none() | SLOTS, IN_DELETES, IN_DELETES, IN_DELETES)
several = st.lists(NAMES, max_size=3, unique=True).map(tuple)
silent = (
    st.builds(Update, st.none() | NAMES, NAMES, st.booleans(), st.booleans())
    | st.builds(BulkUpdate, SLOTS, NAMES, st.booleans())
    | st.builds(BulkCreate, several, st.sampled_from(["", "ignore", "update"]), st.booleans())
    | st.builds(RawDelete, st.none() | NAMES, st.booleans())
)
reads = st.builds(Reload, SLOTS, st.booleans()) | st.builds(Read)
loads = st.builds(Load, SLOTS, NAMES, st.sampled_from(["whole", "deferred", "pickled"]))
others = st.builds(Elsewhere, NAMES, NAMES)
single = saves | saves | deletes | silent | silent | reads | loads | loads | others
steps = st.recursive(
    single,
    lambda inner: (
        st.builds(Block, st.lists(inner, max_size=5), st.sampled_from(["", "raise", "set_rollback"]), st.booleans())
        | st.builds(ByHand, st.lists(inner, max_size=4), st.booleans())
    ),
    max_leaves=15,
)


@example(
    program=[Save(0, "a"), Delete(None, boom_in="pre_delete"), Delete(None), Save(0, "a")]
)  # a failed delete leaves in doubt what the object held
@example(program=[Save(0, "a"), Load(1, "a", "whole"), Save(1, "b"), Save(0, "c")])  # a stale object, and a lost update
@example(program=[Save(0, "a"), Load(1, "a", "deferred"), Save(1, "b"), Load(0, "b", "deferred"), Delete(0)])
@example(program=[Save(0, "a"), Elsewhere("a", "b"), Save(0, "c"), Elsewhere("c", "b"), Delete(0)])
@example(program=[Save(0, "a"), Update("a", "b", by_row=False, raw=True), Save(0, "b"), Save(0, "a")])
@example(program=[Save(0, "a", another_in="pre_save", boom_in="post_save"), Save(0, "b")])
@settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(steps, max_size=8))
def test_the_log_says_what_happened(program):
    """Signals, outcomes, what the rows held, order, pairs and causes are right, even if read inside blocks."""
    note(program)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM shop_category")
    machine = Machine()
    with machine.receivers():
        machine.run(program)
    machine.compare()
    assert dict(Category.objects.values_list("pk", "name")) == machine.model.rows
