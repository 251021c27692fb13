"""Random events that nobody would think of: every signal and outcome, hostile text, values of any shape."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from signal_log.event import COMMITTED, FAILED, MASK, ROLLED_BACK

SIGNALS: Final = (
    "pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed", "silent_insert", "silent_update",
    "silent_delete", "django.contrib.auth.signals.user_logged_in", "shop.signals.user_login_failed",
    "shop.signals.paid", "shop.signals.user_", "odd", "",
)  # fmt: skip
SENDERS: Final = ("auth.User", "users.Profile", "shop.order.Line", "Bare", "dot.", "", "\u202eapp.M\u0000del")
SOURCES: Final = (
    "http", "websocket", "shell", "migration", "task", "command:createsuperuser", "test:a.b:c", "command:", "",
)  # fmt: skip
FIELDS: Final = (
    "id", "username", "name", "title", "slug", "email", "code", "bio", "stock", "last_login", "updated", "updated_at",
    "modified_on", "price_updated", "_updated", "last", "lasting", "password", "tags", "größe", "a b", "x" * 60,
    "line\nupdated", "\u2066turned", "__proto__", "constructor", "🎈",
)  # fmt: skip
PIECES: Final = (
    "Ada", "Augusta", "Rear admiral", "the quick brown fox", "opinions.", "a", " ", "  ", "\n", "\r\n", "\r", "\t",
    "\x00", "\x07", "\x1b[31m", "\x1c", "\x7f", "\x85", "\xa0", "\xad", "\u061c", "\u200b", "\u200d", "\u200e",
    "\u2028", "\u202e", "\u202f", "\u2060", "\u2064", "\u2066", "\u206f", "\ufeff", "\ufffa", "\ud800", "\udc00",
    "👩\u200d💻", "🎈", "𐐷", "\ue000", "é", "e\u0301", "Straße", "Ελλάδα", "日本", "١٢", "½", "<b>", '"', "\\", "_",
    "-", "…", "⏎", "null", "empty", "••••••••", "2026-11-22", "[U+202E]",
)  # fmt: skip
TIMES: Final = (
    "2026-11-22T09:42:17.950112Z", "2026-11-22T09:42:17Z", "2026-11-22T09:42:18+00:00", "2026-11-22 08:00:00",
    "2026-11-21T09:42:17.1Z", "2026-11-22T09:42:17.25+00:00", "2026-11-22T09:42:17+02:00", "2026-11-22T09:42:17Z\n",
    "٢٠٢٦-11-22T09:42:17Z",
)  # fmt: skip
NUMBERS: Final = (0, 1, -1, 5, 42, 1_000, 2**53 - 1, -(2**53) + 1)
DURATIONS: Final = (
    None, 0, 1, 999, 1_000, 1_049, 1_050, 1_250, 9_949, 9_950, 9_999, 10_000, 99_949, 99_950, 99_999, 100_000, 999_499,
    999_500, 999_999, 1_000_000, 1_234_567, 9_994_999, 9_995_000, 12_345_678, 99_949_999, 99_950_000, 3_600_000_000,
)  # fmt: skip
ERRORS: Final = (
    "", "IntegrityError: username already taken", "django.db.utils.IntegrityError: a: b", "KeyError", "KeyError: ",
    "it broke: badly", "boom", ": odd", "DoesNotExist: User\nmatching\u202e", "Ärger: x", "(and 3 more events)",
    "Not fully recorded: ValueError, see the server's log.", "KeyError: x Not fully recorded: y",
)  # fmt: skip


def random_event(dice: Random) -> dict[str, Any]:
    """Return an event as the websocket sends it.

    Two things are left out because JavaScript cannot represent them: numbers beyond 2**53, which the recorder writes as
    text, and the order of keys that are integers, which no field name is.
    """
    signal = dice.choice(SIGNALS)
    pk = dice.choice(["1", "42", "", text(dice)])
    changes = _changes(dice)
    texts = [one for pair in _pairs(changes) for one in pair if isinstance(one, str)]
    return {
        "id": dice.randrange(1, 10**9),
        "signal": signal,
        "sender": dice.choice(SENDERS),
        "object_pk": pk,
        "object_repr": dice.choice(["ada", "", "412 rows", text(dice), *texts[:2]]),
        "created": dice.choice([True, False, None]),
        "raw": dice.random() < 0.1,
        "using": "default",
        "update_fields": dice.choice([None, None, [], ["bio"], ["bio", "name", text(dice)], ["x"] * 90, 7, [1, None]]),
        "origin": _origin(dice),
        "changes": changes,
        "overwrote": dice.choice(
            [None, [], ["bio"], [text(dice), "name"], _names(dice, changes), _names(dice, changes)]
        ),
        "labels": dice.choice(
            [None, None, {"job": text(dice), "row": 5}, {"b": {"𐐷": 1, "\ue000": [True]}, "a": "🎈"}]
        ),
        "trace_id": "11111111-2222-4333-8444-555555555555",
        "position": 2,
        "parent_position": None,
        "operation": 1,
        "caused_by": dice.choice(["", "users.signals.create_profile", "bare", "a.b." + text(dice), "x." + "y" * 60]),
        "outcome": dice.choice([COMMITTED, COMMITTED, COMMITTED, ROLLED_BACK, FAILED]),
        "error": dice.choice([*ERRORS, text(dice)]),
        "actor_pk": dice.choice(["", "", "7", text(dice)]),
        "actor_repr": dice.choice(["", "", "grace", "anonymous", text(dice)]),
        "source": dice.choice(SOURCES),
        "request_id": "",
        "method": dice.choice(["", "POST", "receive"]),
        "path": dice.choice(["", "/accounts/profile/", "/" + text(dice), "/" + "x" * 200]),
        "remote_addr": "198.51.100.7",
        "call_site": "",
        "occurred_at": "2026-11-22T09:42:17.950112Z",
        "process": "host:1",
    }


def text(dice: Random) -> str:
    """Return a text, sometimes a long one."""
    some = "".join(dice.choices(PIECES, k=dice.choice([0, 1, 2, 3, 5, 8, 13, 40])))
    return some * dice.choice([1, 1, 1, 1, 50])


def edited(dice: Random, before: str) -> str:
    """Return the same text with some words replaced."""
    words = before.split(" ")
    for _ in range(dice.choice([1, 1, 2, 5])):
        words[dice.randrange(len(words))] = dice.choice(PIECES)
    return " ".join(words)


def _value(dice: Random, depth: int = 0) -> Any:
    kinds = ("null", "text", "text", "word", "number", "bool", "time", "mask", "blank", "unknown", "list", "map")
    match dice.choice(kinds if depth < 3 else kinds[:10]):
        case "text":
            return text(dice)
        case "word":
            return dice.choice(PIECES)
        case "number":
            return dice.choice(NUMBERS)
        case "bool":
            return dice.random() < 0.5
        case "time":
            return dice.choice(TIMES)
        case "mask":
            return MASK
        case "blank":
            return ""
        case "unknown":
            return {"unknown": dice.choice([True, True, 1])}
        case "list":
            return [_value(dice, depth + 1) for _ in range(dice.randrange(4))]
        case "map":
            keys = ["unknown", "b", "a", "10", "9", "\ue000", "𐐷", "", text(dice)[:30]]
            return {dice.choice(keys): _value(dice, depth + 1) for _ in range(dice.randrange(5))}
    return None


def _change(dice: Random) -> Any:
    match dice.randrange(14):
        case 0 | 1 | 2:
            return [None, _value(dice)]
        case 3 | 4 | 5:
            return [_value(dice), None]
        case 6:
            return [MASK, MASK]
        case 7:
            return [dice.choice(TIMES), dice.choice(TIMES)]
        case 8 | 9:
            before = " ".join(dice.choices(PIECES, k=dice.choice([3, 8, 20, 60])))
            return [before, edited(dice, before)]
        case 10:
            return dice.choice([1, "x", {"a": [True]}, [1, 2, 3], [], [1], None])
    return [_value(dice), _value(dice)]


def _changes(dice: Random) -> Any:
    if dice.random() < 0.03:
        return dice.choice([None, [], "x", 7, [["a", "b"]]])
    names = dice.sample(FIELDS, k=dice.choice([0, 1, 1, 2, 3, 5, 12]))
    if dice.random() < 0.3:  # a whole row that was created or deleted
        came = dice.random() < 0.5
        return {name: [None, _value(dice)] if came else [_value(dice), None] for name in names}
    return {name: _change(dice) for name in names}


def _names(dice: Random, changes: Any) -> list[Any]:
    """Return some of the fields that changed."""
    names = list(changes) if isinstance(changes, dict) else [1, None]
    return dice.sample(names, k=dice.randrange(len(names) + 1))


def _pairs(changes: Any) -> list[Any]:
    return [pair for pair in changes.values() if isinstance(pair, list)] if isinstance(changes, dict) else []


def _origin(dice: Random) -> Any:
    statement = dice.choice(['UPDATE "shop_item" SET "stock" = %s', "DELETE\nFROM\tx " + "y" * 100, "", text(dice), 7])
    return dice.choice(
        [
            None,
            None,
            {"sent_by_hand": True},
            {"model": "auth.User", "pk": "1", "sent_by_hand": dice.choice([True, 1, "x"])},
            {"model": "auth.User", "pk": "1"},
            {"model": dice.choice(SENDERS), "pk": text(dice)},
            {"queryset": "auth.User"},
            {"model": "shop.Item", "rows": 412, "statement": statement},
            {"model": "shop.Item", "rows": 0, "statement": statement},
            {"action": "post_add", "model": "auth.Group", "reverse": False},
            "x",
            [],
        ]
    )
