"""What can be asked about a value that a page shows: a query for it, and the page that it has.

Each value carries its query in the page, so that one menu (``js/ways/menu.js``) can narrow by it anywhere. The
live page makes the same of its own events (``js/events/ways.js``).
"""

from __future__ import annotations

from html import escape
from typing import Any, Final

from signal_log.event import MASK
from signal_log.models import SignalEvent
from signal_log.query_language import And, Node, Term, write
from signal_log.query_language.keys import FIELD
from signal_log.show.links import actor_url, object_url, url
from signal_log.show.words.text import visible

LONGEST: Final = 400
"""A longer query would leave no room for another beside it."""


def attributes(of: str, node: Node | None, *, text: str = "", opens: str = "", goes: bool = False) -> str:
    """The attributes of an element that shows a value: what it is of, its query, and what is copied if not its text.

    ``opens`` is the value's own page; ``goes`` says that the element is a link to it, which a click is to follow.
    Nothing for what is too long to be asked for, or is not shown as it is.
    """
    asked = "" if node is None else write(node)
    if len(asked) > LONGEST or visible(asked) != asked or visible(text) != text:
        return ""
    found = f' data-way="{escape(asked)}" data-of="{of}"'
    if text:
        found += f' data-text="{escape(text)}"'
    if opens:
        found += f' data-open="{escape(opens)}"'
    return f"{found} data-goes" if goes else found


def model(event: SignalEvent) -> str:
    """Of a model's name."""
    return attributes("model", Term("model", event.sender), text=event.sender) if event.sender else ""


def row(event: SignalEvent, *, goes: bool = False, here: bool = True) -> str:
    """Of the object; a link to its page where ``goes``, and only asked about where that is not ``here``."""
    if not (event.sender and event.object_pk) or visible(event.object_pk) != event.object_pk:
        return ""
    opens = "" if goes or not here else object_url(event.sender, event.object_pk)
    return attributes("object", Term("object", f"{event.sender}/{event.object_pk}"), opens=opens, goes=goes)


def actor(event: SignalEvent, *, here: bool = True) -> str:
    """Of whoever did it: by the account's key, else by name, else by what it came from.

    Where its account is not of ``here``, the name comes first: keys differ from log to log.
    """
    if event.actor_pk and (here or not event.actor_repr):
        if visible(event.actor_pk) != event.actor_pk:
            return ""
        text, opens = event.actor_repr or event.actor_pk, actor_url(event.actor_pk) if here else ""
        return attributes("actor", Term("actor_pk", event.actor_pk), text=text, opens=opens)
    if event.actor_repr:
        return attributes("actor", Term("actor", event.actor_repr), text=event.actor_repr)
    return source(event)


def source(event: SignalEvent) -> str:
    """Of where it came from."""
    return attributes("source", Term("source", event.source), text=event.source) if event.source else ""


def word(of: str, text: str) -> str:
    """Of a text that only a search finds: a path, a receiver."""
    return attributes(of, Term("text", text), text=text) if text else ""


def field(name: str) -> str:
    """Of the name of a changed field."""
    return attributes("changed field", Term(FIELD, name), text=name) if name else ""


def value(name: str, place: int, changed: Any) -> str:
    """Of a field's old (``place`` 0) or new value, where it is shown on one line; nothing where it can only be read."""
    asked = spelled(changed)
    return "" if asked is None else side(name, place, asked, text=asked)


def side(name: str, place: int, asked: str | None, *, text: str = "") -> str:
    """Of a value that is shown as a whole, which a query spells so."""
    key = ("old", "new")[place]
    node = And((Term(FIELD, name), Term(key, asked, (name,)))) if name and asked else None
    return attributes(f"{key} value", node, text=text)


def spelled(changed: Any) -> str | None:
    """A value of a change as a query spells it; None if it can only be read: a list, a part of a row, a secret."""
    if changed is None:
        return "null"
    if isinstance(changed, bool):
        return "true" if changed else "false"
    if isinstance(changed, int):
        return str(changed)
    return changed if isinstance(changed, str) and changed and changed != MASK else None


def of_column(event: SignalEvent, name: str) -> str:
    """Of a column that events are asked for by: its trace, its signal, how it ended."""
    text = str(getattr(event, f"{name}_id" if name == "trace" else name))
    opens = url("trace", event.trace_id) if name == "trace" else ""
    return attributes(name, Term(name, text), text=text, opens=opens)
