"""Whatever stands in a cell of the log or of its seal, verification comes to a verdict, and says what is wrong."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction
from django.test import override_settings

from signal_log.maintenance import maintenance
from signal_log.models import SealCheckpoint, SealTile, SealTree, SealWitness, SignalEvent
from signal_log.seal.ranges import Ranges, parse_ranges
from tests.sealed import Sealed, seal, sealed_log, unguarded
from tests.settings import SIGNAL_LOG as PROJECT

pytestmark = pytest.mark.django_db

ODD: tuple[Any, ...] = (
    None, "", "x", "infinity", "{}", "[" * 100_000, "2026-02-31 00:00:00", "9999-12-31 23:59:59.999999",
    0, -1, 2**40, 2**63 - 1, b"", b"\0" * 32, b"\xff\xfe",
)  # fmt: skip
"""What no cell has, or nearly none."""
FREE: dict[tuple[type[models.Model], str], str] = {
    (SealTree, "problem"): "a text for people; that sealing has stopped is told by the state",
    (SealTree, "begun_at"): "when a tree began is told by nothing that is signed; a moment it has to be",
    (SealTree, "grown_at"): "the same: the sealer's own note for pages",
    (SealCheckpoint, "made_at"): "the time of a checkpoint is the witness's; this one is for pages",
    (SealCheckpoint, "note"): "the newest may be without a signature, for ten minutes",
    (SealCheckpoint, "token"): "without the extra `timestamps` it is a limit that none is checked",
    **{
        (SealWitness, field.attname): "our own note of what a witness said last; the witness is asked itself"
        for field in SealWitness._meta.concrete_fields
    },
}
"""Cells in which a value of the right kind is not found, and why."""


@pytest.fixture(scope="module")
def shared(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Sealed]:
    """One log with a redacted event and pruned ones, for all of these; each test's changes are undone."""
    with django_db_blocker.unblock(), transaction.atomic():
        sealed = sealed_log(tmp_path_factory.mktemp("keys"), 270, (100, 260))
        with override_settings(SIGNAL_LOG={**PROJECT, **sealed.settings(WITNESSES=[])}):
            call_command("signal_redact", "auth.User", "200", reason="a request", no_vacuum=True, stdout=StringIO())
            first, last = sealed.ids[20], sealed.ids[29]
            with maintenance(
                connection, "signal_prune", why="old", rows={"events": f"{first}-{last}", "indexes": "g1:20-29"}
            ):
                SignalEvent.objects.filter(pk__range=(first, last))._raw_delete("default")
            seal(sealed, SealTree.objects.get(), (SignalEvent.objects.count() + 10,))
            unguarded()
            tree = SealTree.objects.get()
            SealWitness.objects.create(tree=tree, name="w", url="http://w", size=tree.size, tried_at=tree.grown_at)
            yield sealed
        transaction.set_rollback(True)


@pytest.fixture
def log(shared: Sealed, settings: Any) -> Sealed:
    """The log, as it is configured."""
    settings.SIGNAL_LOG = {**PROJECT, **shared.settings(WITNESSES=[])}
    return copy.copy(shared)


def put(model: type[models.Model], column: str, value: Any, number: int) -> bool:
    """Put a value into a cell, if the database takes it; whether it is another than was there."""
    table, name = model._meta.db_table, connection.ops.quote_name(column)
    is_text = f"typeof({name}) || hex({name})" if connection.vendor == "sqlite" else f"{name}::text"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT {is_text} FROM {table} WHERE id = %s", [number])  # noqa: S608
            before = cursor.fetchone()
            cursor.execute(f"UPDATE {table} SET {name} = %s WHERE id = %s", [value, number])  # noqa: S608
            cursor.execute(f"SELECT {is_text} FROM {table} WHERE id = %s", [number])  # noqa: S608
            return bool(cursor.fetchone() != before)
    except (DatabaseError, OverflowError):
        return False


def verdict() -> tuple[Any, str]:
    """The exit code, and all that was said."""
    out = StringIO()
    try:
        call_command("signal_verify", stdout=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


@pytest.mark.parametrize("model", [SealTree, SealTile, SealCheckpoint, SealWitness])
def test_whatever_stands_in_a_cell_of_the_seal_is_told(log: Sealed, model: type[models.Model]) -> None:
    """Tampered with, or could not be checked; never an exception, and never nothing."""
    assert verdict()[0] == 0
    quiet = []
    numbers = list(model._default_manager.order_by("pk").values_list("pk", flat=True))
    for field in model._meta.concrete_fields:
        if field.primary_key:
            continue
        for at, value in enumerate(ODD):
            number = numbers[-(at % 2)]
            point = connection.savepoint()
            if put(model, field.column, value, number):
                code, said = verdict()
                is_free = code == 0 and (model, field.attname) in FREE
                if not is_free and (code not in (1, 2) or "." not in said):
                    quiet.append((field.column, str(value)[:20], code, said[-200:]))
            connection.savepoint_rollback(point)
    assert not quiet, "\n".join(map(str, quiet))


def test_whatever_stands_in_a_cell_of_an_event_is_told_with_its_id(log: Sealed) -> None:
    """Each in a row of its own, of which all are named; also in a redacted row, and in what tells of a redaction."""
    quiet = []
    redacted = SignalEvent.objects.get(kept_hashes__isnull=False).pk
    telling = SignalEvent.objects.filter(source="command:signal_redact").earliest("pk").pk
    places = [redacted, telling, *log.ids[210 : 210 + len(ODD)], log.ids[269]]
    for field in SignalEvent._meta.concrete_fields:
        if field.primary_key:
            continue
        point = connection.savepoint()
        odd = [(number, value) for value, number in zip([b"[" * 9, "1 ", *ODD, "odd"], places, strict=True)]
        changed = {number: value for number, value in odd if put(SignalEvent, field.column, value, number)}
        code, said = verdict()
        named = Ranges()
        for found in re.findall(r"events? ([0-9,-]+)\]|altered: ([0-9,-]+)\.|says: ([0-9,-]+)\.", said):
            named.update(parse_ranges("".join(found).strip(",")))
        quiet += [(field.column, code, said[-600:]) for number in changed if number not in named]
        connection.savepoint_rollback(point)
    assert not quiet, "\n".join(map(str, quiet))
