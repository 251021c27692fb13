"""The relatives of a row that is restored: which are offered, and what is filled into an inline of the same form."""

from __future__ import annotations

from typing import Final

from signal_log.show.links import url, with_query
from signal_log.show.story.admin_form import InlineRows
from signal_log.show.story.asked import BY, PARENT, Asked, stored
from signal_log.show.story.relations import Relation, chosen, model_of, relations_of
from signal_log.show.story.relatives import relatives_of
from signal_log.show.story.restorable import offered
from signal_log.show.story.then import Then, relatives_then
from signal_log.show.words.moments import iso
from signal_log.show.words.state import EXISTS

MOST_ROWS: Final = 50
"""How many relatives are offered."""


def relatives_offered(asked: Asked) -> list[Then]:
    """Those that were deleted or changed since."""
    if asked.state.presence != EXISTS:
        return []
    relations = [one for one in chosen(relations_of(asked.label), None) if one.points_here]
    relatives = relatives_of(asked.recorded, asked.span, asked.newest, asked.label, relations)
    then = relatives_then(relatives, asked.state, asked.pk, asked.at)
    return [one for one in then if one.has_changed or _is_gone(one)][:MOST_ROWS]


def _is_gone(then: Then) -> bool:
    model = model_of(then.relation.label)
    return model is None or stored(model, then.key, then.using) is None


def inline_name(relation: Relation) -> tuple[str, str]:
    """What names it among the inlines of a page in the admin."""
    return relation.label, relation.field


def restore_url_of(asked: Asked, then: Then) -> str:
    """The page that offers a relative's former values; its key holds that of the row which is filled in."""
    query = {"label": [then.relation.label], "pk": [then.key], "at": [iso(asked.at)]}
    if asked.row is not None and str(asked.row.pk) != asked.pk:
        query |= {BY: [then.relation.field], PARENT: [str(asked.row.pk)]}
    return with_query(url("restore"), query)


def add_row(rows: InlineRows, then: Then) -> None:
    """Add what a relative held to what its inline is filled with."""
    model = model_of(then.relation.label)
    if model is None:
        return
    row = stored(model, then.key, then.using)
    names = frozenset(known.name for known in then.state.fields) - {then.relation.field}
    fields = offered(model, then.state, row, in_form=names, using=then.using, instead={})
    values = {each.name: each.value for each in fields if not each.why_not and each.differs}
    if row is None:
        rows.gone.append(values)
    elif values:
        rows.there[str(row.pk)] = values
