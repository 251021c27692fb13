// The words in which two texts differ, found as Python's `difflib.SequenceMatcher` finds them on the server.

const WORDS = /[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu;
const SHORTEST = 16; // marks in a short text, or in one with little in common, hide more than they show
const MOST_WORDS = 1_500; // the work grows with their square
const LEAST_LIKENESS = 0.35;

/** @typedef {[isMarked: boolean, text: string]} Part */
/** @typedef {[atA: number, atB: number, words: number]} Run of equal words, by their places in two texts */

/**
 * For the old and for the new text.
 * @param {string} old
 * @param {string} now
 * @returns {[Part[], Part[]]}
 */
export function marked(old, now) {
  /** @type {[Part[], Part[]]} */
  const whole = [[[false, old]], [[false, now]]];
  const lengths = [length(old), length(now)];
  if (Math.min(...lengths) < SHORTEST) return whole;
  const [ours, theirs] = [wordsOf(old), wordsOf(now)];
  if (Math.max(ours.length, theirs.length) > MOST_WORDS) return whole;
  const runs = commonRuns(ours, theirs);
  const kept = runs.reduce((sum, [at, , size]) => sum + length(ours.slice(at, at + size).join("")), 0);
  if (kept < LEAST_LIKENESS * Math.max(...lengths)) return whole;
  return [
    cut(
      ours,
      runs.map(([at, , size]) => [at, size]),
    ),
    cut(
      theirs,
      runs.map(([, at, size]) => [at, size]),
    ),
  ];
}

/**
 * The words of a text, as far as they are worth looking at.
 * @param {string} text
 */
function wordsOf(text) {
  /** @type {string[]} */
  const words = [];
  for (const [word] of text.matchAll(WORDS)) if (words.push(word) > MOST_WORDS) break;
  return words;
}

/**
 * Characters as Python counts them.
 * @param {string} text
 */
function length(text) {
  let number = 0;
  for (const _ of text) number += 1;
  return number;
}

/**
 * The words with what lies outside the runs marked.
 * @param {string[]} words
 * @param {[at: number, size: number][]} runs
 */
function cut(words, runs) {
  /** @type {Part[]} */
  const pieces = [];
  /** @type {(isMarked: boolean, from: number, to: number) => void} */
  const add = (isMarked, from, to) => {
    if (from < to) pieces.push([isMarked, words.slice(from, to).join("")]);
  };
  let end = 0;
  for (const [at, size] of runs) {
    add(true, end, at);
    add(false, at, at + size);
    end = at + size;
  }
  add(true, end, words.length);
  return pieces;
}

/**
 * The longest run of equal words, and those on either side of it.
 * @param {string[]} a
 * @param {string[]} b
 */
function commonRuns(a, b) {
  /** @type {Map<string, number[]>} */
  const places = new Map();
  for (const [place, word] of b.entries()) {
    const known = places.get(word);
    if (known) known.push(place);
    else places.set(word, [place]);
  }
  /** @type {Run[]} */
  const found = [];
  /** @type {(fromA: number, toA: number, fromB: number, toB: number) => void} */
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

/**
 * Of equally long runs the one that begins first in a, then in b.
 * @param {string[]} a
 * @param {Map<string, number[]>} places
 * @param {number} fromA
 * @param {number} toA
 * @param {number} fromB
 * @param {number} toB
 */
function longestRun(a, places, fromA, toA, fromB, toB) {
  /** @type {Run} */
  let best = [fromA, fromB, 0];
  /** @type {Map<number, number>} */
  let before = new Map(); // how long the run is that ends at a place in b and at the word before
  for (let i = fromA; i < toA; i += 1) {
    /** @type {Map<number, number>} */
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
