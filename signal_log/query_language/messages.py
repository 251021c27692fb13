"""What is said of a query that cannot be read as it stands. None repeats what was typed: its place is marked."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 500
MOST_TERMS: Final = 50
DEEPEST: Final = 10

TOO_LONG: Final = f"A query has at most {LONGEST} characters, and this one is longer. Leave some words out."
TOO_MANY: Final = f"A query has at most {MOST_TERMS} terms, and this is one more. Leave some out."
TOO_MANY_TOGETHER: Final = (
    f"Several queries have at most {MOST_TERMS} terms together, and this is one more. Leave some out."
)
TOO_DEEP: Final = f"Brackets stand at most {DEEPEST} deep. Take some of them out."
NO_CHARACTER: Final = "No event can have this character, so nothing can match. Delete it."
OPEN_PHRASE: Final = (
    'This quotation mark is never closed. Type " where the phrase ends; for the mark itself type \\" inside a phrase.'
)
OPEN_BRACKET: Final = (
    'This bracket is never closed. Type ) where its group ends, or "(" in quotation marks to look for a bracket.'
)
LONE_BRACKET: Final = 'This bracket closes nothing. Delete it, or type ")" in quotation marks to look for a bracket.'
NOTHING_INSIDE: Final = "Nothing stands in these brackets. Type what to look for in between, or delete them."
NO_TEXT: Final = "Nothing stands between these quotation marks. Type what to look for in between, or delete them."
NOTHING_BEFORE: Final = (
    '{operator} has nothing before it. Type what to look for there, or "{operator}" in quotation marks for the word.'
)
NOTHING_AFTER: Final = (
    '{operator} has nothing after it. Type what to look for there, or "{operator}" in quotation marks for the word.'
)
NO_VALUE: Final = 'This key has no value. Type one right behind the colon, or "{key}:" in quotation marks for the text.'
KEY_INSIDE: Final = (
    "A key cannot stand in the brackets of another. Close them before it, or put a value with a colon in quotation "
    "marks."
)
NO_OUTCOME: Final = "There is no such outcome. Type committed, rolled_back or failed."
NO_PIN: Final = "Type pinned:true, or -pinned:true for the rest."
NO_TRACE: Final = "A trace is a UUID, 36 characters long. Copy it from the page of the trace or from one of its events."
NO_DURATION: Final = (
    "This is no duration, or one of more than 30 days. Type a number with its unit (us, ms, s, m, h), such as "
    "took:>100ms or took:<2s."
)
NOT_HERE: Final = (
    "Nobody has pinned what is yet to come, so pinned: is answered by the history and its exports, not here. Ask it "
    "there, or leave it out."
)
NO_MOMENT: Final = (
    "This is no time. Type now-5m (or s, h, d, w), a date such as 2026-11-22, or a date and a time: "
    '"2026-11-22 09:42", 2026-11-22T09:42:17Z.'
)
NOT_OUTSIDE: Final = "A time counts for the whole query. Put it outside of brackets, OR and NOT."
TWICE: Final = "{key}: stands here for the second time. Delete one of them."
BACKWARDS: Final = "until: is earlier than since:, so no event can match. Exchange the two times, or move one."
