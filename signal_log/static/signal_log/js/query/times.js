// The moments that `since` and `until` take, and which of two is the later one, read without a clock or a zone.

const RELATIVE = /^(?:now|(?:now *- *)?([0-9]{1,6}) *([smhdw]))$/i;
/** @type {Record<string, number>} in seconds */
const AGES = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
const LONGEST_AGO = 100 * 365 * AGES.d;
const DATE = "([1-8][0-9]{3})-([0-9]{2})-([0-9]{2})";
const TIME = String.raw`([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,6})?)?`;
const ZONE = "(Z)|([+-])([0-9]{2})(?::?([0-9]{2}))?";
const ABSOLUTE = new RegExp(`^${DATE}(?:[T ]${TIME} ?(?:${ZONE})?)?$`);

/**
 * Whether this is a time: `now`, `now-5m`, `5m`, a date, or a date and a time, perhaps with its zone.
 * @param {string} text
 */
export const isMoment = (text) => age(text) !== null || onACalendar(text) !== null;

/**
 * Whether the first of two moments is surely the later one; unknown of ages beside dates, and of unlike zones.
 * @param {string} one
 * @param {string} other
 */
export function isLater(one, other) {
  const ages = [age(one), age(other)];
  if (ages[0] !== null && ages[1] !== null) return ages[0] < ages[1];
  const days = [onACalendar(one), onACalendar(other)];
  return days[0] !== null && days[1] !== null && days[0].zoned === days[1].zoned && days[0].at > days[1].at;
}

/**
 * Seconds before now.
 * @param {string} text
 */
function age(text) {
  const [whole, amount, unit] = RELATIVE.exec(text) ?? [];
  if (whole === undefined) return null;
  const seconds = amount ? Number(amount) * AGES[unit.toLowerCase()] : 0;
  return seconds <= LONGEST_AGO ? seconds : null;
}

/**
 * A date or a date and a time, in microseconds since 1970; without a zone, as if it were UTC.
 * @param {string} text
 */
function onACalendar(text) {
  const found = ABSOLUTE.exec(text);
  if (!found) return null;
  const [, year, month, day, hour, minute, second, part, , , hours, minutes] = found.map((one) => Number(one ?? 0));
  const date = new Date(Date.UTC(year, month - 1, day));
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!(isDay && hour < 24 && minute < 60 && second < 60 && hours < 24 && minutes < 60)) return null;
  const [utc, sign] = [found[8], found[9]];
  const ahead = (sign === "-" ? -1 : 1) * (hours * 60 + minutes);
  const seconds = (hour * 60 + minute - ahead) * 60 + second;
  return { zoned: Boolean(utc || sign), at: (date.getTime() + seconds * 1e3) * 1e3 + Math.round(part * 1e6) };
}
