"""The hand-written cases of the tables: what the log can say, and texts made to break a page."""

from __future__ import annotations

from typing import Any, Final

from signal_log.event import BY_HAND, MASK, UNKNOWN

USUAL: Final[dict[str, Any]] = {
    "signal": "post_save",
    "sender": "auth.User",
    "object_pk": "1",
    "object_repr": "ada",
    "created": False,
    "raw": False,
    "update_fields": None,
    "origin": None,
    "changes": {"first_name": ["Ada", "Augusta"]},
    "overwrote": [],
    "caused_by": "",
    "outcome": "committed",
    "error": "",
    "actor_pk": "7",
    "actor_repr": "grace",
    "source": "http",
    "method": "POST",
    "path": "/accounts/profile/",
}
"""A typical event; a case lists what is different."""

ROW: Final = {"id": [None, 3], "name": [None, "Ada"], "bio": [None, ""]}
FROM_USER: Final = {"model": "auth.User", "pk": "1"}
GONE: Final = {"id": [3, None], "email": ["eve@example.org", None]}
HAND: Final = {BY_HAND: True}
DAY: Final = "2026-11-22"
FAULT: Final = "Not fully recorded: ValueError, see the server's log."
STATEMENT: Final = {"model": "shop.Item", "rows": 412, "statement": 'UPDATE "shop_item"\n\tSET "stock" = %s'}
OLD, NEW = "One accurate measurement is worth {} thousand {}.", "One accurate measurement is worth {} thousand {}!"

EVENTS: Final[list[tuple[str, dict[str, Any]]]] = [
    # What was done.
    ("a creation", {"created": True, "changes": ROW}),
    ("a deletion", {"signal": "post_delete", "created": None, "changes": GONE}),
    ("a save is about to begin", {"signal": "pre_save", "created": None}),
    ("a whole row of new values is taken for a new one", {"signal": "pre_save", "created": None, "changes": ROW}),
    ("two new values are not", {"signal": "pre_save", "created": None, "changes": {"a": [None, 1], "b": [None, 2]}}),
    ("a delete is about to begin", {"signal": "pre_delete", "created": None, "changes": {}}),
    ("a relation gains", {"signal": "m2m_changed", "created": None, "changes": {"tags": [None, [1, 2]]}}),
    ("a relation loses", {"signal": "m2m_changed", "created": None, "changes": {"tags": [[1], None]}}),
    ("a relation is set", {"signal": "m2m_changed", "created": None, "changes": {"tags": [[1], [2]]}}),
    ("a relation stays", {"signal": "m2m_changed", "created": None, "changes": {}}),
    ("another signal", {"signal": "django.contrib.auth.signals.user_logged_in", "created": None, "changes": {}}),
    ("with arguments", {"signal": "shop.signals.paid", "changes": {"amount": [None, 5], "note": [None, ""]}}),
    ("another signal without a name", {"signal": "shop.signals.user_", "changes": {"by": [None, None]}}),
    ("a signal without any path", {"signal": ""}),
    ("somebody was shown the object", {"signal": "accessed", "created": None, "changes": {}}),
    ("shown in work that was undone", {"signal": "accessed", "changes": {}, "outcome": "rolled_back"}),
    # Silent writes.
    ("a silent statement", {"signal": "silent_update", "object_pk": "", "origin": STATEMENT, "changes": {}}),
    ("what it set", {"signal": "silent_update", "object_pk": "", "changes": {n: [None, n] for n in "dcba"}}),
    ("a statement that nobody knows", {"signal": "silent_update", "object_pk": "", "changes": {}}),
    ("one of a strange kind", {"signal": "silent_update", "object_pk": "", "origin": {"statement": 7}, "changes": {}}),
    ("a row of a silent update", {"signal": "silent_update", "origin": STATEMENT, "changes": {"stock": [4, None]}}),
    ("a row that stayed", {"signal": "silent_update", "origin": STATEMENT, "changes": {}}),
    ("a silent row", {"signal": "silent_insert", "created": None, "changes": ROW}),
    ("a silent row without values", {"signal": "silent_insert", "created": None, "changes": {}}),
    ("a row that went silently", {"signal": "silent_delete", "created": None, "changes": GONE}),
    ("without values", {"signal": "silent_delete", "created": None, "changes": {}}),
    # What did not last.
    ("rolled back", {"outcome": "rolled_back", "error": "django.db.utils.IntegrityError: username already taken"}),
    ("failed", {"signal": "pre_save", "created": None, "outcome": "failed", "error": "KeyError: "}),
    ("an error in two lines", {"outcome": "rolled_back", "error": "IntegrityError: a: b\nDETAIL: Key" + "y" * 90}),
    ("a sentence for an error", {"outcome": "rolled_back", "error": "(and 3 more events of this transaction)"}),
    ("an error with a foreign name", {"outcome": "failed", "error": "Ärger: mit Umlaut"}),
    ("an update undone without a word", {"outcome": "rolled_back"}),
    ("a creation undone", {"outcome": "rolled_back", "created": True, "changes": ROW}),
    ("a deletion that never finished", {"signal": "pre_delete", "outcome": "failed", "changes": {}}),
    ("a silent write undone", {"signal": "silent_update", "outcome": "rolled_back"}),
    ("a relation undone", {"signal": "m2m_changed", "outcome": "rolled_back", "changes": {"tags": [None, [1]]}}),
    ("an error of what was committed is not said", {"error": "ValueError: x"}),
    # What the writer had not seen.
    ("an overwrite", {"changes": {"qty": [7, 6]}, "overwrote": ["qty"]}),
    ("one of several", {"changes": {"qty": [7, 6], "name": ["x", "y"]}, "overwrote": ["qty"]}),
    ("two of two", {"changes": {"name": ["x", "y"], "qty": [7, 6]}, "overwrote": ["name", "qty"]}),
    ("many", {"changes": {n: [n, 1] for n in "abcde"}, "overwrote": [*"abcde"]}),
    ("a stamp besides", {"changes": {"qty": [7, 6], "updated": ["a", "b"]}, "overwrote": ["qty", "updated"]}),
    ("a stamp alone", {"changes": {"qty": [7, 6], "updated": ["a", "b"]}, "overwrote": ["updated"]}),
    ("nothing but a stamp", {"changes": {"updated": ["a", "b"]}, "overwrote": ["updated"]}),
    ("a secret", {"changes": {"token": [MASK, MASK]}, "overwrote": ["token"]}),
    ("a secret beside a name", {"changes": {"token": [MASK, MASK], "name": ["a", "b"]}, "overwrote": ["token"]}),
    ("nothing and an empty text", {"changes": {"a": [None, 1], "b": ["", 1]}, "overwrote": ["a", "b"]}),
    ("a long value that was not seen", {"changes": {"bio": ["x" * 99, "y"]}, "overwrote": ["bio"]}),
    ("a hostile one", {"changes": {"a\u202e\nb": ["\u202e<b>\n", "y"], "c": [1, 2]}, "overwrote": ["a\u202e\nb"]}),
    ("a time of the same day", {"changes": {"at": [f"{DAY}T08:10:44Z", f"{DAY}T09:00:00Z"]}, "overwrote": ["at"]}),
    ("a deleted value", {"signal": "post_delete", "created": None, "changes": GONE, "overwrote": ["email", "bio"]}),
    ("a new row for a known parent", {"created": True, "changes": ROW, "overwrote": ["name"]}),
    ("undone together", {"changes": {"qty": [7, 6]}, "overwrote": ["qty"], "outcome": "rolled_back"}),
    ("before anything was written", {"signal": "pre_save", "created": None, "overwrote": ["first_name"]}),
    ("names of a strange kind", {"overwrote": [7, None, {}]}),
    ("something else than names", {"overwrote": "first_name"}),
    ("a value that nobody knows", {"signal": "pre_save", "created": None, "changes": {"bio": [UNKNOWN, "x"]}}),
    ("two of them", {"changes": {"bio": [UNKNOWN, UNKNOWN]}}),
    ("one that went", {"signal": "pre_delete", "created": None, "changes": {"bio": [UNKNOWN, None]}}),
    ("one that was overwritten", {"changes": {"bio": [UNKNOWN, "x"]}, "overwrote": ["bio"]}),
    ("JSON that resembles it", {"changes": {"data": [{"unknown": 1}, {"unknown": True, "a": 1}]}}),
    ("the database did not tell", {"overwrote": None}),
    ("nor of a deletion", {"signal": "post_delete", "created": None, "changes": GONE, "overwrote": None}),
    # Sent by hand.
    ("a save by hand", {"origin": HAND, "overwrote": None}),
    ("a pre signal by hand", {"signal": "pre_save", "created": None, "origin": HAND, "changes": {}}),
    ("a row by hand", {"signal": "pre_save", "created": None, "origin": HAND, "changes": ROW}),
    ("a delete by hand", {"signal": "post_delete", "created": None, "origin": HAND, "changes": GONE}),
    ("by hand, from an object", {"signal": "pre_delete", "origin": FROM_USER | HAND, "changes": GONE}),
    ("by hand, and undone", {"origin": HAND, "outcome": "rolled_back"}),
    ("a mark of a strange kind", {"origin": {"sent_by_hand": 1}}),
    # Not fully recorded.
    ("not fully recorded", {"error": FAULT, "changes": {}, "overwrote": None}),
    ("in part", {"error": FAULT}),
    ("failed besides", {"signal": "pre_save", "created": None, "outcome": "failed", "error": f"KeyError: x {FAULT}"}),
    ("by hand, in part", {"origin": HAND, "error": FAULT, "changes": {}}),
    # The telling field.
    ("names come first, stamps last", {"changes": {"updated": ["a", "b"], "age": [1, 2], "name": ["Ada", "Eve"]}}),
    ("times that differ by a second", {"changes": {"at": ["2026-11-22T18:42:14.5Z", "2026-11-22T18:42:15.5Z"]}}),
    ("by milliseconds", {"changes": {"at": ["2026-11-22T18:42:14.123456Z", "2026-11-22T18:42:14.124456Z"]}}),
    ("by microseconds", {"changes": {"at": ["2026-11-22T18:42:14.123456Z", "2026-11-22T18:42:14.123457Z"]}}),
    ("by a part of one side alone", {"changes": {"at": ["2026-11-22T18:42:14Z", "2026-11-22T18:42:14.000003Z"]}}),
    ("by their zone alone", {"changes": {"at": ["2026-11-22T18:42:14.5Z", "2026-11-22T18:42:14.5"]}}),
    ("a stamp by itself", {"changes": {"price_updated_on": ["a", "b"]}}),
    ("no stamp", {"changes": {"lasting": ["a", "b"], "last": ["a", "b"]}}),
    ("a name of two lines that ends as a stamp does", {"changes": {"x\n_modified": [1, 2], "b": [1, 2]}}),
    ("nothing before", {"changes": {"last_login": [None, "2026-11-22T09:42:07.5Z"]}}),
    ("nothing after", {"changes": {"boss": [3, None]}}),
    ("an empty text before and after", {"changes": {"bio": ["", "x"], "title": ["x", ""]}}),
    ("false and zero are something", {"changes": {"is_staff": [False, True], "stock": [0, 1]}}),
    ("masked", {"changes": {"password": [MASK, MASK]}}),
    ("masked beside an open one", {"changes": {"password": [MASK, MASK], "name": ["Ada", "Eve"]}}),
    ("masked for the first time", {"changes": {"token": [None, MASK]}}),
    ("masked values only", {"created": True, "changes": {"token": [None, MASK]}}),
    ("times of one day", {"changes": {"at": ["2026-11-22T08:10:44Z", "2026-11-22T09:42:07+00:00"]}}),
    ("times of one second", {"changes": {"at": ["2026-11-22T08:10:44.1Z", "2026-11-22 08:10:44.25678"]}}),
    ("times of two days", {"changes": {"at": ["2026-11-21T08:10:44Z", "2026-11-22T08:10:44Z"]}}),
    ("times of other zones", {"changes": {"at": ["2026-11-22T08:10:44+02:00", "2026-11-22T08:10:44Z\n"]}}),
    ("a row names itself", {"created": True, "object_repr": "H", "changes": {"slug": [None, "h"], "of": [None, "H"]}}),
    ("a row without a name", {"created": True, "changes": {"id": [None, 3], "bio": [None, ""]}}),
    ("a row that went with another", {"signal": "post_delete", "sender": "a.B", "origin": FROM_USER, "changes": GONE}),
    ("a row that went by itself", {"signal": "post_delete", "origin": FROM_USER, "changes": GONE}),
    ("a row that went by a query", {"signal": "post_delete", "origin": {"queryset": "auth.User"}, "changes": GONE}),
    # No change.
    ("saved as it was", {"changes": {}}),
    ("saved in part", {"changes": {}, "update_fields": ["bio", "name"]}),
    ("saved in no part", {"changes": {}, "update_fields": []}),
    ("saved in many parts", {"changes": {}, "update_fields": ["field_of_some_length"] * 9}),
    ("saved in strange parts", {"changes": {}, "update_fields": ["a", None, 7]}),
    ("from a fixture", {"changes": {}, "raw": True}),
    ("created without a field", {"created": True, "changes": {}}),
    # Values in full.
    ("words differ", {"changes": {"bio": [OLD.format("a", "opinions"), NEW.format("ten", "words")]}}),
    ("little in common", {"changes": {"bio": ["the quick brown fox jumps", "zebras wear striped pyjamas"]}}),
    ("astral characters count once", {"changes": {"bio": ["🎈" * 15, "🎈" * 14 + "x"], "code": ["🎈" * 60, "y" * 60]}}),
    ("words of any script", {"changes": {"bio": ["Ελλάδα ١٢ e\u0301 日本 ½ usw", "Ελλάδα ١٣ e\u0301 日本 ¼ usw"]}}),
    ("too many words to compare", {"changes": {"bio": ["a " * 751, "b " * 751]}}),
    ("JSON with sorted keys", {"changes": {"data": [{"b": [], "10": 1, "9": {}}, {"𐐷": 1, "\ue000": 2, "a": [True]}]}}),
    ("turned and hidden text", {"changes": {"bio": ["a\u202egpj.exe\u0000", "\ud800\u200b\r\n\tb\rc\u2066"]}}),
    ("a long value", {"changes": {"bio": ["x" * 48, "y" * 49]}}),
    ("a long name", {"changes": {"n" * 41: [1, 2]}}),
    ("names that JavaScript knows", {"changes": {"__proto__": [1, 2], "constructor": ["a", "b"]}}),
    # Rows not written by this app.
    ("no changes at all", {"changes": None}),
    ("changes of a strange kind", {"changes": ["a"]}),
    ("values instead of pairs", {"changes": {"a": 1, "b": [1, 2, 3], "c": {"d": [True]}, "e": None, "f": "x"}}),
    ("nothing known of a saved row", {"created": None, "changes": {"a": 1, "b": [None], "c": [None, 1]}}),
    ("an origin of a strange kind", {"signal": "post_delete", "origin": "x", "changes": GONE}),
    ("a model of a strange kind", {"signal": "post_delete", "origin": {"model": 7}, "changes": GONE}),
    # Names.
    ("no model", {"sender": ""}),
    ("a model without an app", {"sender": "Bare"}),
    ("an app without a model", {"sender": "app."}),
    ("a hostile model", {"sender": "app." + "\u202eM" * 40}),
    ("a key for a name", {"object_repr": ""}),
    ("no key yet", {"object_repr": "", "object_pk": ""}),
    ("a name of two lines", {"object_repr": "two\nlines\tand a tab"}),
    ("a key for a person", {"actor_repr": ""}),
    ("a stranger", {"actor_repr": "", "actor_pk": ""}),
    ("a stranger on a socket", {"actor_repr": "", "actor_pk": "", "source": "websocket", "method": "receive"}),
    ("a program", {"actor_repr": "", "actor_pk": "", "source": "command:migrate", "method": "", "path": ""}),
    ("a program of several parts", {"actor_repr": "", "actor_pk": "", "source": "test:a.b:c", "path": ""}),
    ("a shell", {"actor_repr": "", "actor_pk": "", "source": "shell", "method": "", "path": ""}),
    ("nobody", {"actor_repr": "", "actor_pk": "", "source": "", "method": "", "path": ""}),
    ("a person with two names", {"actor_repr": "Grace Hopper"}),
    ("a cause", {"caused_by": "users.signals.create_profile"}),
    ("a hostile cause", {"caused_by": "a.b\n" + "\u2066" * 50}),
    ("a long path", {"path": "/" + "🎈" * 79}),
    ("a task", {"source": "task", "method": "", "path": "shop.tasks.send"}),
]  # fmt: skip

VALUES: Final[list[tuple[Any, int]]] = [
    *((name, 80) for name in ("ada", "Grace Hopper", "Ωμέγα", "", "-", "ß", "🎈 of hot air", "x_y", "e\u0301")),
    ("x" * 10, 10), ("x" * 11, 10), ("🎈" * 10, 10), ("🎈" * 11, 10), ("x🎈" * 5, 10), ("x🎈" * 6, 10), ("x" * 99, 3),
    ("\n" * 5, 3), ("a\r\nb", 2), ("…", 1), ("a\r\nb\nc\rd\te", 80),
    # Invisible characters, and those that reorder text.
    ("a\u202egpj.exe", 80), ("a\u0000b\u0007c\u0085d", 80), ("\u001b[31mred", 80), ("[U+202E]", 80),
    ("\u00ad\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2064\u2066\u2069\u206f", 80),
    ("\ufeff\ufff9\ufffb\ufffc\ufffd", 80), ("a\ud800b", 80), ("a\udc00b", 80),
    # Harmless look-alikes.
    ("👩\u200d💻 ok", 80), ("\u00a0\u202f\u3000", 80),
    *((value, 80) for value in (None, True, False, 0, -5, 2**53 - 1, [], {}, [1, "a", None, [True]], [[], {}, [{}]])),
    ({"b": 1, "a": {"d": [], "c": "\u202e"}}, 80), ({"10": 1, "9": 2, "": 3}, 80), ({"__proto__": 1}, 80),
    ({"\ue000": 1, "𐐷": 2, "é": 3}, 80), (["\ud800", '"\\\n\u001b\u007f'], 80),
]  # fmt: skip
"""A value, and the number of characters it has room for."""

DURATIONS: Final = (
    None, 0, 0.4, 0.5, 7, 999, 999.4, 999.5, 1_000, 1_049, 1_050, 1_250, 3_600, 9_949, 9_950, 12_000, 99_949, 99_950,
    284_000, 999_499, 999_500, 1_000_000, 1_234_567, 1_235_000, 9_994_999, 9_995_000, 12_345_678, 99_949_999,
    99_950_000, 999_000_000, 3_600_000_000,
)  # fmt: skip
