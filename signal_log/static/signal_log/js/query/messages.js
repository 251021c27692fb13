// What is said of a query that cannot be read as it stands, in the words of Python (`query_language/messages.py`).

export const LONGEST = 500;
export const MOST_TERMS = 50;
export const DEEPEST = 10;

export const TOO_LONG = `A query has at most ${LONGEST} characters, and this one is longer. Leave some words out.`;
export const TOO_MANY = `A query has at most ${MOST_TERMS} terms, and this is one more. Leave some out.`;
export const TOO_DEEP = `Brackets stand at most ${DEEPEST} deep. Take some of them out.`;
export const NO_CHARACTER = "No event can have this character, so nothing can match. Delete it.";
export const OPEN_PHRASE =
  'This quotation mark is never closed. Type " where the phrase ends; for the mark itself type \\" inside a phrase.';
export const OPEN_BRACKET =
  'This bracket is never closed. Type ) where its group ends, or "(" in quotation marks to look for a bracket.';
export const LONE_BRACKET =
  'This bracket closes nothing. Delete it, or type ")" in quotation marks to look for a bracket.';
export const NOTHING_INSIDE = "Nothing stands in these brackets. Type what to look for in between, or delete them.";
export const NO_TEXT =
  "Nothing stands between these quotation marks. Type what to look for in between, or delete them.";
/** @type {(operator: string) => string} */
export const NOTHING_BEFORE = (operator) =>
  `${operator} has nothing before it. Type what to look for there, or "${operator}" in quotation marks for the word.`;
/** @type {(operator: string) => string} */
export const NOTHING_AFTER = (operator) =>
  `${operator} has nothing after it. Type what to look for there, or "${operator}" in quotation marks for the word.`;
/** @type {(key: string) => string} */
export const NO_VALUE = (key) =>
  `This key has no value. Type one right behind the colon, or "${key}:" in quotation marks for the text.`;
export const KEY_INSIDE =
  "A key cannot stand in the brackets of another. " +
  "Close them before it, or put a value with a colon in quotation marks.";
export const NO_OUTCOME = "There is no such outcome. Type committed, rolled_back or failed.";
export const NO_PIN = "Type pinned:true, or -pinned:true for the rest.";
export const NO_TRACE =
  "A trace is a UUID, 36 characters long. Copy it from the page of the trace or from one of its events.";
export const NO_DURATION =
  "This is no duration, or one of more than 30 days. " +
  "Type a number with its unit (us, ms, s, m, h), such as took:>100ms or took:<2s.";
export const NO_MOMENT =
  "This is no time. Type now-5m (or s, h, d, w), a date such as 2026-11-22, or a date and a time: " +
  '"2026-11-22 09:42", 2026-11-22T09:42:17Z.';
export const NOT_OUTSIDE = "A time counts for the whole query. Put it outside of brackets, OR and NOT.";
/** @type {(key: string) => string} */
export const TWICE = (key) => `${key}: stands here for the second time. Delete one of them.`;
export const BACKWARDS = "until: is earlier than since:, so no event can match. Exchange the two times, or move one.";
