// What differs between two texts, for marking it: the part between a common beginning and a common end, by words.

const WORDS = /\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu;
const LONGEST = 20_000;

/** [[same, text], ...] for the old and for the new value. */
export function marked(old, now) {
  if (old.length > LONGEST || now.length > LONGEST) return [[[true, old]], [[true, now]]];
  const a = old.match(WORDS) ?? [];
  const b = now.match(WORDS) ?? [];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail])
    tail += 1;
  if (head + tail === 0) return [[[true, old]], [[true, now]]];
  const cut = (words) =>
    [
      [true, words.slice(0, head).join("")],
      [false, words.slice(head, words.length - tail).join("")],
      [true, words.slice(words.length - tail).join("")],
    ].filter(([, text]) => text);
  return [cut(a), cut(b)];
}
