// The words in which two texts differ, found as Python's `difflib.SequenceMatcher` finds them on the server.

const WORDS = /[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu;
const SHORTEST = 16; // marks in a short text, or in one with little in common, hide more than they show
const MOST_WORDS = 1_500; // the work grows with their square
const LEAST_LIKENESS = 0.35;

/** [[is marked, text], ...] for the old and for the new text. */
export function marked(old, now) {
  const whole = [[[false, old]], [[false, now]]];
  const lengths = [length(old), length(now)];
  if (Math.min(...lengths) < SHORTEST) return whole;
  const [ours, theirs] = [wordsOf(old), wordsOf(now)];
  if (Math.max(ours.length, theirs.length) > MOST_WORDS) return whole;
  const runs = commonRuns(ours, theirs);
  const kept = runs.reduce((sum, [at, , size]) => sum + length(ours.slice(at, at + size).join("")), 0);
  if (kept < LEAST_LIKENESS * Math.max(...lengths)) return whole;
  const own = (index) => runs.map((run) => [run[index], run[2]]);
  return [cut(ours, own(0)), cut(theirs, own(1))];
}

/** The words of a text, as far as they are worth looking at. */
function wordsOf(text) {
  const words = [];
  for (const [word] of text.matchAll(WORDS)) if (words.push(word) > MOST_WORDS) break;
  return words;
}

/** Characters as Python counts them. */
function length(text) {
  let number = 0;
  for (const _ of text) number += 1;
  return number;
}

/** The words with what lies outside the runs marked. */
function cut(words, runs) {
  const pieces = [];
  const add = (isMarked, from, to) => from < to && pieces.push([isMarked, words.slice(from, to).join("")]);
  let end = 0;
  for (const [at, size] of runs) {
    add(true, end, at);
    add(false, at, at + size);
    end = at + size;
  }
  add(true, end, words.length);
  return pieces;
}

/** [[place in a, place in b, words], ...]: the longest run of equal words, and those on either side of it. */
function commonRuns(a, b) {
  const places = new Map();
  for (const [place, word] of b.entries()) {
    if (places.has(word)) places.get(word).push(place);
    else places.set(word, [place]);
  }
  const found = [];
  const search = (fromA, toA, fromB, toB) => {
    const [atA, atB, size] = longestRun(a, places, fromA, toA, fromB, toB);
    if (!size) return;
    search(fromA, atA, fromB, atB);
    const last = found.at(-1);
    if (last && last[0] + last[2] === atA && last[1] + last[2] === atB) last[2] += size;
    else found.push([atA, atB, size]);
    search(atA + size, toA, atB + size, toB);
  };
  search(0, a.length, 0, b.length);
  return found;
}

/** Of equally long runs the one that begins first in a, then in b. */
function longestRun(a, places, fromA, toA, fromB, toB) {
  let best = [fromA, fromB, 0];
  let before = new Map(); // how long the run is that ends at a place in b and at the word before
  for (let i = fromA; i < toA; i += 1) {
    const lengths = new Map();
    for (const j of places.get(a[i]) ?? []) {
      if (j < fromB) continue;
      if (j >= toB) break;
      const size = (before.get(j - 1) ?? 0) + 1;
      lengths.set(j, size);
      if (size > best[2]) best = [i - size + 1, j - size + 1, size];
    }
    before = lengths;
  }
  return best;
}
