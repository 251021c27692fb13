// A cascade in one line: its steps in order, equal ones counted. Pure functions over operations.

import { line } from "../lib/text.js";
import { span } from "../lib/time.js";
import { modelName } from "./kinds.js";

/** @import { Operation, Piece } from "./types.js" */

const MOST = 6; // steps named in a line
export const MANY = 5; // this many equal siblings share one row

/**
 * [{kind, text, times}]: the steps in order, equal neighbours merged.
 * @param {Operation[]} operations
 */
export function steps(operations) {
  /** @type {{ kind: string, text: string, times: number }[]} */
  const found = [];
  for (const { kind, word, sender } of operations) {
    const text = kind === "signal" || kind === "refused" ? word : `${line(modelName(sender), 60)} ${word}`;
    const last = found.at(-1);
    if (last?.text === text && last.kind === kind) last.times += 1;
    else found.push({ kind, text, times: 1 });
  }
  return found;
}

/**
 * The steps as pieces of text, with arrows between: "User created → Profile created".
 * @param {Operation[]} operations
 * @returns {Piece[]}
 */
export function pieces(operations) {
  const all = steps(operations);
  const shown = all.length > MOST ? all.slice(0, MOST - 1) : all;
  const said = shown.flatMap(({ kind, text, times }, index) => {
    /** @type {Piece[]} */
    const pieces = [[`step ${kind}`, text]];
    if (index) pieces.unshift(["arrow", "→"]);
    if (times > 1) pieces.push(["dim", `× ${times}`]);
    return pieces;
  });
  return shown.length < all.length ? [...said, ["dim", `+${all.length - shown.length} steps`]] : said;
}

/**
 * The operation that describes the whole: a failed or rolled-back one before any other.
 * @type {(operations: Operation[]) => Operation}
 */
export const toldBy = (operations) =>
  operations.find(({ kind }) => kind === "failed") ??
  operations.find(({ kind }) => kind === "undone") ??
  operations.find(({ kind }) => kind === "refused") ??
  operations[0];

/**
 * Splits operations into runs: at least MANY equal siblings form one, any other stands alone.
 * @param {Operation[]} operations
 */
export function runs(operations) {
  /** @type {Operation[][]} */
  const found = [];
  for (const one of operations) {
    const last = found.at(-1);
    if (last && alike(last[0], one)) last.push(one);
    else found.push([one]);
  }
  return found.flatMap((run) => (run.length >= MANY ? [run] : run.map((one) => [one])));
}

/** @type {(a: Operation, b: Operation) => boolean} */
const alike = (a, b) =>
  a.parent === b.parent &&
  a.parentPosition === b.parentPosition &&
  a.kind === b.kind &&
  a.word === b.word &&
  a.sender === b.sender &&
  !a.children.length &&
  !b.children.length;

/**
 * "× 200 in 1.2 s"
 * @type {(run: Operation[]) => string}
 */
export const runWords = (run) => {
  const took = run[run.length - 1].at - run[0].at;
  const seconds = took < 10_000 ? `${(took / 1000).toFixed(1)} s` : span(took);
  return `× ${run.length}, ${took < 1000 ? `${took} ms` : seconds}`;
};
