"""What PostgreSQL's catalog tells of a table: how its rows can be locked, and where its keys come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from signal_log.capture.model.row_lock import Keys, Lock, Read

TABLE: Final = (
    "SELECT t.oid,"
    " (SELECT array_agg(DISTINCT a.attname::text) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
    " AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])"
    " WHERE i.indrelid = t.oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL),"
    " EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.oid AND g.tgtype & 19 = 19 AND g.tgenabled <> 'D'),"
    " s.oid, s.chosen FROM (SELECT to_regclass(%s)::oid) AS t (oid) LEFT JOIN LATERAL"
    " (SELECT c.oid, d.oid AS chosen"
    " FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
    " JOIN pg_depend o ON o.refclassid = 'pg_class'::regclass AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum"
    " AND o.classid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')"
    " JOIN pg_class c ON c.oid = o.objid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE i.indrelid = t.oid AND i.indisprimary AND CASE WHEN c.relkind = 'S'"
    " THEN has_sequence_privilege(c.oid, 'USAGE, SELECT') AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid)"
    " = 'nextval(' || quote_literal(c.oid::regclass::text) || '::regclass)') ELSE false END LIMIT 1) AS s ON true"
)
"""A table's number, its unique columns, whether it has triggers of the kind BEFORE UPDATE … FOR EACH ROW (19), and the
sequence that its key really comes from; a column may own one and take its default from another.

By its number, which stays when it is renamed; none where the role may draw from it but not read it.
"""
# currval raises where this session has drawn nothing: it is not asked if the name means another table by now, or the
# column takes its default from elsewhere. A subquery, or each row of the table would be compared.
_NEWEST: Final = "(SELECT currval(c.oid) FROM pg_class c WHERE c.oid = {sequence} AND to_regclass(%s)::oid = {table})"
_NEWEST_BY_DEFAULT: Final = f"{_NEWEST[:-1]} AND EXISTS (SELECT FROM pg_attrdef d WHERE d.oid = {{default}}))"


class Readable(NamedTuple):
    """How a table is read: whether its rows may be locked, which of its columns are unique, and where its keys are.

    ``newest`` is the expression for the key that its sequence has just given; its parameter is the table.
    """

    locks: bool
    keys: Keys
    newest: str | None

    def reads(self, table: str, select: str, params: Sequence[Any], lock: Lock | None) -> list[Read]:
        """The reads of what ``select`` finds, locked as a statement will lock it; the last one tells the rows."""
        if lock is None or not self.locks:
            return [(select, tuple(params))]
        return lock.reads(table, select, params, self.keys)


def told(row: tuple[Any, ...], *, locks: bool) -> Readable:
    """What is known of a table, from the catalog."""
    table, columns, by_columns, sequence, default = row
    newest = None
    if sequence is not None:
        newest = _NEWEST.format(sequence=sequence, table=table)
        if default is not None:
            newest = _NEWEST_BY_DEFAULT.format(sequence=sequence, table=table, default=default)
    keys = tuple(f'"{name}"' for name in columns or () if "%" not in name)
    return Readable(locks, Keys(keys, by_columns), newest)
