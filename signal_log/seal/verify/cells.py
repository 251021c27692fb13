"""Looks for cells of the seal's tables with what nobody writes there, before anything is read that could choke on it.

SQLite keeps whatever it is given, whatever the column's type; PostgreSQL takes times that no Python has, and sizes that
no tree has. The database itself looks, in one pass over each table.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connections, models

from signal_log.conf import conf
from signal_log.models import SealCheckpoint, SealTile, SealTree, SealWitness
from signal_log.seal.merkle import HASH_BYTES
from signal_log.seal.tiles import WIDTH
from signal_log.seal.verify.findings import CHECKPOINT, COSIGNATURE, HIDDEN, TILE, TREE, Report
from signal_log.store.hidden_rows import damaged_indexes, what_hides_rows
from signal_log.vendor import vendor_of

TABLES: Final = ((SealTree, TREE, "tree"), (SealTile, TILE, "tile"), (SealCheckpoint, CHECKPOINT, "checkpoint"),
                 (SealWitness, COSIGNATURE, "witness"))  # fmt: skip
FEW: Final = 20
MOST_LACKING: Final = 1_000
"""So many missing tiles are named, one by one."""
LARGEST: Final = 2**53 - 1
_LOWEST: Final = {"generation": 1, "number": 1, "width": 1}
_HIGHEST: Final = {"width": WIDTH, "level": 7, "generation": 999_999_999}
_LENGTHS: Final = {"root": HASH_BYTES, "previous": HASH_BYTES}
_DIGITS: Final = "-".join(("[0-9]" * 4, "[0-9]" * 2, "[0-9]" * 2)) + " " + ":".join(["[0-9]" * 2] * 3)


def check_cells(report: Report) -> bool:
    """Tell of every cell that cannot be what the sealer has written; whether there is none."""
    found = len(report.findings)
    on_sqlite = vendor_of(connections[conf.DATABASE]) == "sqlite"
    for model, kind, noun in TABLES:
        columns = [field for field in model._meta.concrete_fields if not field.primary_key]
        right = [_sqlite(field) if on_sqlite else _postgresql(field) for field in columns]
        for number, *wrong in _wrong(model, right):
            names = " and ".join(field.attname for field, is_wrong in zip(columns, wrong, strict=True) if is_wrong)
            table = model._meta.db_table
            report.find(kind, f"The row {number} of {table} ({noun}) has in {names} what is never written there.")
    if len(report.findings) == found:
        _check_sizes(report)
    if len(report.findings) == found:
        return True
    report.unchecked.append("Nothing else was compared, as what the seal's tables hold cannot be read.")
    return False


def check_hidden(report: Report) -> None:
    """Tell of what keeps rows from readers: verification may see what no page shows, or the other way round."""
    connection = connections[conf.DATABASE]
    for what in (*what_hides_rows(connection), *damaged_indexes(connection)):
        report.find(HIDDEN, f"Rows may be hidden from readers, or from this run: {what}.")


def _check_sizes(report: Report) -> None:
    """Of a tree of which nearly all tiles are missing each of them need not be named."""
    for tree in SealTree.objects.order_by("generation"):
        lacking = -(-tree.size // WIDTH) - SealTile.objects.filter(tree=tree, level=0).count()
        if lacking > MOST_LACKING:
            report.find(TREE, f"The row of {tree.origin} says that it has {tree.size:,} leaves, and {lacking:,} of the "
                        f"tiles are missing that so many have.")  # fmt: skip


def _wrong(model: type[models.Model], right: list[str]) -> list[Any]:
    """A few rows in which a cell is wrong, each with the truth of it for every column."""
    wrong = [f"coalesce(NOT ({one}), true)" for one in right]
    table = model._meta.db_table
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(
            f"SELECT id, {', '.join(wrong)} FROM {table} WHERE {' OR '.join(wrong)} ORDER BY id LIMIT {FEW}"  # noqa: S608
        )
        return list(cursor.fetchall())


def _sqlite(field: Any) -> str:
    column = f'"{field.column}"'
    if isinstance(field, models.BinaryField):
        right = f"typeof({column}) = 'blob'{_length(field, f'length({column})')}"
    elif isinstance(field, models.DateTimeField):
        right = (
            f"typeof({column}) = 'text' AND datetime({column}) = substr({column}, 1, 19) "
            f"AND ({column} GLOB '{_DIGITS}' OR {column} GLOB '{_DIGITS}.{'[0-9]' * 6}')"
        )
    elif isinstance(field, models.BooleanField):
        right = f"typeof({column}) = 'integer' AND {column} IN (0, 1)"
    elif isinstance(field, (models.IntegerField, models.ForeignKey)):
        right = f"typeof({column}) = 'integer' AND {_range(field)}"
    else:
        right = f"typeof({column}) = 'text'"
    return f"{column} IS NULL OR ({right})" if field.null else right


def _postgresql(field: Any) -> str:
    column = f'"{field.column}"'
    right = f"{column} IS NOT NULL"
    if isinstance(field, models.BinaryField):
        right += _length(field, f"octet_length({column})")
    elif isinstance(field, models.DateTimeField):
        right = f"{column} BETWEEN '0001-01-02' AND '9999-12-30'"
    elif isinstance(field, (models.IntegerField, models.ForeignKey)):
        right = _range(field)
    return f"{column} IS NULL OR ({right})" if field.null else right


def _length(field: Any, of: str) -> str:
    if field.name in _LENGTHS:
        return f" AND {of} = {_LENGTHS[field.name]}"
    if field.name == "subtrees":
        return f" AND {of} % {HASH_BYTES} = 0"
    if field.model is SealTile and field.name == "hashes":  # a leaf's tile that is cut is told of with its events
        return f" AND (level = 0 OR {of} = width * {HASH_BYTES})"
    return ""


def _range(field: Any) -> str:
    if isinstance(field, models.ForeignKey):
        return f'"{field.column}" IN (SELECT id FROM {SealTree._meta.db_table})'  # noqa: S608  our own name
    if field.model is SealTile and field.name in ("first_id", "last_id"):  # only of leaves
        return f'level = 0 AND "{field.column}" BETWEEN 0 AND {LARGEST}'
    return f'"{field.column}" BETWEEN {_LOWEST.get(field.name, 0)} AND {_HIGHEST.get(field.name, LARGEST)}'
