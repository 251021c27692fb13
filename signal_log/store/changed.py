"""The filters by what was changed, as SQL: fields, old and new values, words, and what was overwritten unseen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, Q
from django.db.models.sql.compiler import SQLCompiler
from orjson import dumps

from signal_log.models.event import UNSEEN
from signal_log.query_language.keys import ANY
from signal_log.query_language.matching import meanings

Params = tuple[str, list[Any]]

FIELD_NAMES: Final = "jsonb_path_query_array({changes}, '$.keyvalue().key', '{{}}', true)"
"""On PostgreSQL the names of the changed fields, as in the index ``signal_log_field``; none if it is no object."""


def changed_field(name: str) -> Q:
    """The events whose ``changes`` have a field of this name."""
    return Q(_ChangedField(F("changes"), name=name))


def may_change(names: Iterable[str]) -> Q:
    """At least the events whose ``changes`` have a field of one of these names; told faster than which have."""
    return Q(_MayChange(F("changes"), names=sorted(names)))


def changed_value(texts: Iterable[str], places: Sequence[int], fields: Sequence[str]) -> Q:
    """The events with one of these values in these places of a change: of the named fields, or of any."""
    wanted = [meaning for text in texts for meaning in meanings(text)]
    return Q(_ChangedValue(F("changes"), wanted=wanted, places=places, fields=fields))


def overwrote(text: str) -> Q:
    """The events that overwrote the field of this name unseen, or any field."""
    return UNSEEN if text == ANY else UNSEEN & Q(_Listed(F("overwrote"), name=text))


def in_any_case(column: str, text: str) -> Q:
    """The events with this text in a column. SQLite knows the case of ASCII only, so others are asked for in each."""
    found = Q()
    for spelling in _spellings(text):
        found |= Q(**{f"{column}__icontains": spelling})
    return found


def in_changes(column: str, text: str) -> Q:
    """The events with this text in a name or a value of ``changes``; ``column`` is that as text, which is faster."""
    found = Q()
    for spelling in _spellings(text):
        exactly = Q(_InChanges(F("changes"), text=spelling))
        if spelling.isascii():  # other letters may be spelled as escapes there
            found |= Q(**{f"{column}__icontains": dumps(spelling).decode()[1:-1]}) & exactly  # in this order on SQLite
        else:
            found |= exactly
    return found


def _spellings(text: str) -> list[str]:
    if text.isascii():
        return [text]
    some = (text, text.lower(), text.upper(), text.capitalize())
    return list(dict.fromkeys(one for one in some if one.lower() == text.lower()))


class _Condition(Func):
    """A condition whose SQL differs between the databases."""

    output_field = BooleanField()

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Params:  # type: ignore[override]
        column, params = compiler.compile(self.source_expressions[0])
        sql, more = self.written(column, on_postgresql=connection.vendor == "postgresql")
        return sql, [*params, *more]

    def written(self, column: str, *, on_postgresql: bool) -> Params:
        """The condition on this column, and its parameters."""
        raise NotImplementedError


class _ChangedField(_Condition):
    def written(self, column: str, *, on_postgresql: bool) -> Params:
        name = self.extra["name"]
        if on_postgresql:
            return f"{FIELD_NAMES.format(changes=column)} ? %s", [name]
        return f"EXISTS (SELECT 1 FROM json_each({_object(column)}) WHERE key = %s)", [name]  # noqa: S608  a column's name


class _InChanges(_Condition):
    """Looks at names and values alone: in the column's text the brackets and quotation marks of JSON match, too."""

    def written(self, column: str, *, on_postgresql: bool) -> Params:
        text = self.extra["text"]
        for special in ("\\", "%", "_"):
            text = text.replace(special, "\\" + special)
        sql = _IN_CHANGES_ON_POSTGRESQL if on_postgresql else _IN_CHANGES_ON_SQLITE
        return sql.replace("{column}", column), [f"%{text}%"] * 2


class _MayChange(_Condition):
    def written(self, column: str, *, on_postgresql: bool) -> Params:
        names = self.extra["names"]
        if on_postgresql:
            return f"{column} ?| %s", [names]
        if not all(name.isascii() for name in names):
            return "TRUE", []
        # Without parsing: where a value holds such a text as well, an event too many is found.
        return f"({' OR '.join([f'instr({column}, %s) > 0'] * len(names))})", [f'"{name}"' for name in names]


class _Listed(_Condition):
    def written(self, column: str, *, on_postgresql: bool) -> Params:
        name = self.extra["name"]
        if on_postgresql:
            return f"{column} ? %s", [name]
        return f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value = %s)", [name]  # noqa: S608  a column's name


class _ChangedValue(_Condition):
    def written(self, column: str, *, on_postgresql: bool) -> Params:
        fields, wanted = self.extra["fields"], self.extra["wanted"]
        named = f"change.key IN ({', '.join(['%s'] * len(fields))}) AND " if fields else ""
        found, params = [], []
        for place in self.extra["places"]:
            if on_postgresql:
                tests = [(f"change.value -> {place} @> %s::jsonb", [dumps(one).decode()]) for one in wanted]
                values = _VALUES_ON_POSTGRESQL.format(column=column)
            else:
                tests = [_is(one) for one in wanted]
                values = _VALUES_ON_SQLITE.format(changes=_object(column), place=place)
            found.append(f"EXISTS ({values} {named}({' OR '.join(test for test, _ in tests)}))")
            params += [*fields, *(param for _, given in tests for param in given)]
        return f"({' OR '.join(found)})", params


def _object(column: str) -> str:
    """On SQLite, the column if it is an object: a row that the recorder has not written may hold anything."""
    return f"CASE json_type({column}) WHEN 'object' THEN {column} ELSE '{{}}' END"


def _is(wanted: Any) -> Params:
    """On SQLite, whether ``item`` is this value."""
    if isinstance(wanted, bool) or wanted is None:
        return f"item.type = '{dumps(wanted).decode()}'", []
    return f"(item.type = '{'text' if isinstance(wanted, str) else 'integer'}' AND item.value = %s)", [wanted]


# A value contains itself, and a list each of its own values.
_VALUES_ON_POSTGRESQL: Final = (
    "SELECT FROM jsonb_each(CASE jsonb_typeof({column}) WHEN 'object' THEN {column} END) AS change"
    " WHERE jsonb_typeof(change.value) = 'array' AND"  # ``->`` finds a value in itself, too
)
# Each value of a list, or the one value; not those of an object, whose path goes on with a dot.
_VALUES_ON_SQLITE: Final = (
    "SELECT 1 FROM json_each({changes}) AS change,"
    " json_each(CASE change.type WHEN 'array' THEN change.value ELSE '[]' END, '$[{place}]') AS item"
    " WHERE substr(item.fullkey, 5, 1) <> '.' AND"
)
_IN_CHANGES_ON_POSTGRESQL: Final = """EXISTS (
    SELECT FROM jsonb_path_query({column}, 'strict $.**') AS part WHERE CASE jsonb_typeof(part)
    WHEN 'object' THEN EXISTS (SELECT FROM jsonb_object_keys(part) AS name WHERE UPPER(name) LIKE UPPER(%s))
    WHEN 'array' THEN false
    ELSE UPPER(part #>> '{}') LIKE UPPER(%s) END)"""
_IN_CHANGES_ON_SQLITE: Final = r"""EXISTS (
    SELECT 1 FROM json_tree({column}) AS part
    WHERE (typeof(part.key) = 'text' AND part.key LIKE %s ESCAPE '\')
    OR CASE part.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE part.atom END LIKE %s ESCAPE '\')"""
"""Of null, ``atom`` is null, and so no text."""
