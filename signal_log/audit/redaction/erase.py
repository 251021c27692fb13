"""What a redaction makes of one event: nothing of it, or the same with a person masked; and how it still verifies."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus, unquote, unquote_plus

from django.apps import apps

from signal_log.audit.own_events import HELD, RELEASED
from signal_log.audit.own_events import SENDER as LOG
from signal_log.audit.redaction.whom import Whom
from signal_log.audit.thing import Thing
from signal_log.event import MAINTENANCE, MASK, PAYLOAD_FIELDS, SUBJECT_FIELDS
from signal_log.filters import QUERY
from signal_log.models import SignalEvent
from signal_log.query_language import parse
from signal_log.query_language.nodes import terms
from signal_log.seal.canonical import ERASED, inner_hashes, row_holds
from signal_log.seal.remains import ERASED_PAYLOAD, ERASED_SUBJECT, SALT_BYTES, remainder

Values = dict[str, Any]

_KEY_WORDS: Final = ("account", "id", "key", "no", "nr", "number", "pk")
_TOLD_IN_HEADER: Final = ("source", "process", "caused_by", "method")
_LENGTHS: Final = {
    field.attname: field.max_length
    for field in SignalEvent._meta.concrete_fields
    if getattr(field, "max_length", None) is not None
}


class Change(NamedTuple):
    """What a redaction makes of one event, by column."""

    before: Values
    new: Values
    """What is another then; ``redacted_at`` comes to it."""

    @property
    def id(self) -> int:
        """The event's."""
        number: int = self.before["id"]
        return number

    @property
    def remainder(self) -> bytes:
        """The hash of what remains, where it is not erased as a whole."""
        return remainder({**self.before, **self.new}, self.new["kept_hashes"])


def change_of(row: Values, new: Values, *, owned: bool) -> Change | None:
    """New values of an event's columns with the hashes that they need; None if it does not give its digest now."""
    hashes = kept_hashes(row)
    if hashes is None:
        return None
    return Change(row, {**new, "kept_hashes": hashes if owned else hashes + os.urandom(SALT_BYTES)})


def new_values(row: Mapping[str, Any], whom: Whom, *, owned: bool) -> Values | None:
    """The columns of an event that change, with the salt; None if it does not name them, or tells of maintenance.

    An event of maintenance is what makes a redaction or a prune a rightful one.
    """
    if row["signal"] == MAINTENANCE:
        return None
    if owned and of_hold(row):
        raise ValueError("The event of a hold or of its release is masked: which hold it was about has to stay.")
    new = {**ERASED_SUBJECT, **ERASED_PAYLOAD} if owned else masked(row, whom)
    values = {name: value for name, value in new.items() if row[name] != value}
    salt = bytes(row["salt"])
    if not values and not (owned and salt != ERASED * 2):
        return None
    if owned or any(name in values for name in SUBJECT_FIELDS):
        salt = ERASED + salt[16:]
    if owned or any(name in values for name in PAYLOAD_FIELDS):
        salt = salt[:16] + ERASED
    return {**values, "salt": salt}


def of_hold(row: Mapping[str, Any]) -> bool:
    """Whether an event tells of a hold, or of its release: these say which holds are in force."""
    return row["signal"] in (HELD, RELEASED) and row["sender"] == LOG


def kept_hashes(row: Mapping[str, Any]) -> bytes | None:
    """What an event needs to verify without its parts; None if it does not now: somebody has tampered with it."""
    salt, kept = bytes(row["salt"]), row.get("kept_hashes")
    held = bytes(kept) if kept else None
    if not row_holds(row, salt, held, bytes(row["digest"])):
        return None
    return b"".join(inner_hashes(row, salt, held))


def named_in_header(row: Mapping[str, Any], whom: Whom) -> bool:
    """Whether the header, which is sealed for ever, names them."""
    return any(whom.names.masked(str(row[name])) != str(row[name]) for name in _TOLD_IN_HEADER)


def masked(row: Mapping[str, Any], whom: Whom) -> Values:
    """The columns of another's event, with the person masked."""
    names = whom.names
    new: Values = {name: names.masked(row[name]) for name in ("object_pk", "actor_pk", "request_id", "error")}
    new["call_site"], new["remote_addr"] = names.masked(row["call_site"]), names.masked(row["remote_addr"])
    new["path"] = masked_path(row["path"], whom)
    new["origin"] = _origin(names.masked_value(row["origin"]), whom)
    other = _is_of_another_account(row["sender"], row["object_pk"], whom)
    new["object_repr"] = _own(names, row["object_repr"], keep=other)
    acted = bool(row["actor_pk"]) and not any(one.is_account and one.key == row["actor_pk"] for one in whom.things)
    new["actor_repr"] = _own(names, row["actor_repr"], keep=acted)
    new["changes"] = _changes(row, whom, keep=other)
    new["labels"] = _labels(names.masked_value(row["labels"]), whom)
    if of_hold(row) and any(one.is_account and one.key == row["actor_pk"] for one in whom.things):
        new |= {**ERASED_SUBJECT, **ERASED_PAYLOAD, "labels": {**new["labels"], "reason": MASK}}
    for name, most in _LENGTHS.items():
        if isinstance(new.get(name), str) and most is not None:
            new[name] = new[name][:most]
    return new


def masked_path(path: str, whom: Whom) -> str:
    """A path without their names, and without their keys where the address says what they are keys of."""
    shown = whom.names.masked(path)
    parts = shown.split("/")
    for at, part in enumerate(parts[1:], 1):
        for one in whom.things:
            if unquote(part) == one.key and unquote(parts[at - 1]).lower() in _words_of(one):
                parts[at] = MASK
    return "/".join(parts)


def masked_query(query: str, whom: Whom) -> str:
    """Filters in an address without their names, and without the key of an actor."""
    keys = {one.key for one in whom.things if one.is_account}
    parts = []
    for part in whom.names.masked(query).split("&"):
        name, equals, value = part.partition("=")
        is_key = name in _OF_ACTORS and unquote(value).removeprefix("!") in keys
        if name == QUERY:
            parts.append(f"{name}{equals}{_without_keys(value, keys)}")
        else:
            parts.append(f"{name}{equals}{MASK}" if is_key else part)
    return "&".join(parts)


def _without_keys(encoded: str, keys: Container[str]) -> str:
    """A query without these keys of actors."""
    text = unquote_plus(encoded)
    skipped = len(text) - len(text.removeprefix("!"))
    named = [term for term in terms(parse(text[skipped:]).node) if term.key in _OF_ACTORS and term.text in keys]
    for term in reversed(named):
        at, end = term.at + skipped, term.at + skipped + term.length
        typed, colon, _ = text[at:end].rpartition(":")
        text = f"{text[:at]}{typed}{colon}{MASK}{text[end:]}"
    return quote_plus(text) if named else encoded


_OF_ACTORS: Final = ("actor", "actor_pk")


def names_key(text: str, whom: Whom) -> bool:
    """Whether a text gives a key of theirs, and says what it is one of; a number alone may be a date's."""
    for one in whom.things:
        key = rf"(?<![^\W_]){re.escape(one.key)}(?![^\W_])"
        words = "|".join(map(re.escape, sorted(_words_of(one).union(_KEY_WORDS))))
        before = rf"(?:\b(?:{words})\b\W*(?:{'|'.join(_KEY_WORDS)})?\W*|\#\s*)" if one.key.isdigit() else ""
        if re.search(before + key, text, re.IGNORECASE):
            return True
    return False


def _own(names: Any, text: str, *, keep: bool) -> str:
    """A name; another account may have the same one."""
    return text if keep and names.is_one(text) else names.masked(text)


def _is_of_another_account(sender: str, key: str, whom: Whom) -> bool:
    return bool(key) and any(one.is_account and sender in one.family and key != one.key for one in whom.things)


def _changes(row: Mapping[str, Any], whom: Whom, *, keep: bool) -> Any:
    """Values by which the person is named, and keys where the field is known to hold theirs."""
    changes = row["changes"]
    shown = whom.names.masked_value(changes)
    if not isinstance(changes, dict):
        return shown
    if keep:
        for name in _naming(whom):
            if name in changes:
                shown[name] = [
                    old if isinstance(old, str) and whom.names.is_one(old) else new
                    for old, new in zip(changes[name], shown[name], strict=True)
                ]
    for one in whom.things:
        for name in one.pointing.get(row["sender"], ()):
            if name in shown:
                shown[name] = _without_key(shown[name], one.key)
        for kind, number in _generic(row["sender"]):
            if kind in changes and number in shown and _is_kind(changes[kind], one):
                shown[number] = _without_key(shown[number], one.key)
    return shown


def _without_key(value: Any, key: str) -> Any:
    if isinstance(value, list):
        return [_without_key(one, key) for one in value]
    return MASK if value is not None and not isinstance(value, (bool, dict)) and str(value) == key else value


def _origin(origin: Any, whom: Whom) -> Any:
    if isinstance(origin, dict):
        for one in whom.things:
            if origin.get("model") in one.family and str(origin.get("pk")) == one.key:
                origin = {**origin, "pk": MASK}
    return origin


def _labels(labels: Any, whom: Whom) -> Any:
    """Labels that are named as a key of theirs, as a hold's event and many hosts name them."""
    if not isinstance(labels, dict):
        return labels
    for one in whom.things:
        words = {word for name in _model_names(one) for word in (name, f"{name}_id", f"{name}_pk")}
        if one.is_account:
            words |= {"account", "actor", "actor_pk"}
        labels = {
            name: _without_key(value, one.key) if name.lower() in words else value for name, value in labels.items()
        }
    return labels


def _model_names(one: Thing) -> tuple[str, ...]:
    return tuple(label.rpartition(".")[2].lower() for label in one.family)


def _words_of(one: Thing) -> frozenset[str]:
    return _words(one.family) | {"actors"} if one.is_account else _words(one.family)


@lru_cache(maxsize=64)
def _words(family: tuple[str, ...]) -> frozenset[str]:
    """How the part of an address before a key says what it is a key of."""
    words: set[str] = set()
    for label in family:
        name = label.rpartition(".")[2].lower()
        words |= {label.lower(), name, f"{name}s", f"{name}es"}
        try:
            options = apps.get_model(label)._meta
        except (LookupError, ValueError):
            continue
        for text in (options.verbose_name, options.verbose_name_plural):
            words |= {re.sub(r"\W+", joint, str(text).lower()) for joint in ("-", "_", "")}
    return frozenset(words)


def _naming(whom: Whom) -> Iterable[str]:
    for one in whom.things:
        if one.is_account:
            yield getattr(apps.get_model(one.label), "USERNAME_FIELD", "")


@lru_cache(maxsize=256)
def _generic(sender: str) -> tuple[tuple[str, str], ...]:
    """The pairs of fields of a model that are the kind and the key of any object."""
    try:
        options = apps.get_model(sender)._meta
    except (LookupError, ValueError):
        return ()
    return tuple((field.ct_field, field.fk_field) for field in options.private_fields if hasattr(field, "ct_field"))


def _is_kind(pair: Any, one: Thing) -> bool:
    """Whether one side of a change is the content type of the row's model, by its key."""
    from django.contrib.contenttypes.models import ContentType

    numbers = set()
    for label in one.family:
        try:
            numbers.add(str(ContentType.objects.get_for_model(apps.get_model(label), for_concrete_model=False).pk))
        except LookupError:
            continue
    return isinstance(pair, list) and any(str(side) in numbers for side in pair)
