"""Reads the operations of a range of ids by kind and by facet, in one statement: the rows are read once for all."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from django.db import connections
from django.db.models import Case, F, TextField, Value, When
from django.db.models.functions import Coalesce, NullIf

from signal_log.conf import conf
from signal_log.event import COMMITTED, M2M_CHANGED, MODEL_SIGNALS, POST_DELETE, POST_SAVE
from signal_log.filters import Filters
from signal_log.query_language.keys import MODEL
from signal_log.show.query import counts
from signal_log.show.words.kinds import REFUSALS
from signal_log.store.read import SENT_BY_HAND, sql_of

KINDS: Final = "kinds"
OF_MODELS: Final = (*MODEL_SIGNALS, M2M_CHANGED)
"""Signals that models alone send, so that their sender is one even if it is no longer installed."""

Row = tuple[str, int, str, int, int]

_REFUSED: Final = " OR ".join(
    f"signal = '{word}' OR signal LIKE '%%.{word}' OR signal LIKE '%%!_{word}' ESCAPE '!'" for word in REFUSALS
)
"""As ``words.kinds.tells_of_refusal``."""
_KIND: Final = f"""CASE WHEN by_hand = 1 THEN 'other' WHEN signal = '{POST_DELETE}' THEN 'deleted'
    WHEN signal = '{POST_SAVE}' THEN CASE WHEN created THEN 'created' ELSE 'updated' END
    WHEN {_REFUSED} THEN 'refused' ELSE 'other' END"""
_OF_A_MODEL: Final = "MAX(CASE WHEN signal IN ({}) THEN 1 ELSE 0 END)".format(
    ", ".join(f"'{one}'" for one in OF_MODELS)
)
_VALUES: Final = {
    KINDS: (_KIND, "0"), MODEL: ("sender", _OF_A_MODEL), "signal": ("signal", "0"), "actor": ("actor", "0"),
    "outcome": (f"'{COMMITTED}'", "0"), "source": ("source", "0"),
}  # fmt: skip
_ALIKE: Final = "second, signal, created, sender, source, by_hand"
"""What all facets but the actor are counted by: few rows differ in it, and each is counted once for all of them."""


def read(found: counts.Events, filters: Filters, facets: Collection[str], step: int, grain: int) -> Iterator[Row]:
    """Of committed operations: a facet, or kinds, when, a value, whether a model alone sends the signal, how many."""
    stands = counts.represents(filters)
    announcing = ", ".join(f"'{signal}'" for signal in counts.ENDS if not stands(signal)) or "''"
    these = found.filter(outcome=COMMITTED).exclude(counts.BEGINS_RELATION)
    inner, params = sql_of(
        these.values("signal", "created", "sender", "source").annotate(
            second=counts.Bucket("occurred_at", step),
            actor=Coalesce(NullIf(F("actor_repr"), Value("")), F("actor_pk"), output_field=TextField()),
            by_hand=Case(When(SENT_BY_HAND, then=Value(1)), default=Value(0)),
        )
    )
    selects = []
    for name in (KINDS, *facets):
        value, of_a_model = _VALUES[name]
        when = "second" if name == KINDS else f"second / {grain} * {grain}"
        where = "" if name == "signal" else f"WHERE by_hand = 1 OR signal NOT IN ({announcing})"
        rows, number = ("found", "COUNT(*)") if name == "actor" else ("alike", "CAST(SUM(number) AS bigint)")
        select = f"SELECT '{name}', {when}, {value}, {of_a_model}, {number} FROM {rows} {where} GROUP BY 2, 3"  # noqa: S608
        selects.append(select)
    alike = f"SELECT {_ALIKE}, COUNT(*) AS number FROM found GROUP BY {_ALIKE}"  # noqa: S608
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(f"WITH found AS ({inner}), alike AS ({alike}) {' UNION ALL '.join(selects)}", params)
        yield from cursor.fetchall()
