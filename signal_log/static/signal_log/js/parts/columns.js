// The columns of the list, and the choice of columns and widths as text for the address.

/** @typedef {{ name: string, width?: number }} Column */

/**
 * @typedef {object} Known of a column
 * @property {string} title
 * @property {string} [words] about it
 * @property {number} width
 * @property {number} least width
 * @property {boolean} [grows]
 * @property {boolean} [slim]
 * @property {boolean} [always] shown
 * @property {boolean} [off] unless somebody chooses it
 */

/**
 * Widths in pixels. Columns that `grow` share the remaining space in proportion; `slim` ones are hidden in a narrow
 * list.
 * @type {Record<string, Known>}
 */
export const COLUMNS = {
  time: { title: "Time", width: 96, least: 56 },
  delta: { title: "Δ", words: "Time since the row below", width: 66, least: 44, slim: true },
  kind: { title: "What", width: 108, least: 84, always: true },
  obj: { title: "Object", width: 190, least: 120, grows: true },
  chg: { title: "Change", width: 380, least: 120, grows: true },
  actor: { title: "Actor", width: 132, least: 24 },
  via: { title: "From", width: 170, least: 80, grows: true, slim: true },
  source: { title: "Source", width: 100, least: 50, off: true },
  outcome: { title: "Outcome", width: 96, least: 50, off: true },
  took: { title: "Duration", width: 84, least: 44, off: true },
  trace: { title: "Trace", width: 84, least: 44, off: true },
};
/** @type {Column[]} */
export const USUAL = Object.keys(COLUMNS)
  .filter((name) => !COLUMNS[name].off)
  .map((name) => ({ name }));
const WIDEST = 2000;
const AROUND = 28; // pixels of padding in a row,
const BETWEEN = 10; // and between two of them

/** @type {(columns: Column[]) => string} */
const namesOf = (columns) => columns.map(({ name }) => name).join(".");
/** @type {(column: Column) => number} */
const widthOf = ({ name, width = COLUMNS[name].width }) => width;

/**
 * Whether these are the default columns in their default order, of any width.
 * @type {(columns: Column[]) => boolean}
 */
export const areUsual = (columns) => namesOf(columns) === namesOf(USUAL);

/**
 * Parses "time.kind.obj-310"; ignores what is not a column, and returns null if nothing is left.
 * @param {string | null} text
 * @returns {Column[] | null}
 */
export function fromText(text) {
  /** @type {Map<string, Column>} */
  const found = new Map();
  for (const one of String(text ?? "").split(".")) {
    const [, name, width] = /^([a-z]+)(?:-(\d{1,4}))?$/.exec(one) ?? [];
    if (!name || !Object.hasOwn(COLUMNS, name) || found.has(name)) continue;
    found.set(name, width ? { name, width: Math.min(WIDEST, Math.max(COLUMNS[name].least, Number(width))) } : { name });
  }
  if (!found.size) return null;
  return found.has("kind") ? [...found.values()] : toggle([...found.values()], "kind");
}

/**
 * These columns as text; empty for the default ones.
 * @param {Column[]} columns
 */
export function toText(columns) {
  const text = columns.map(({ name, width }) => (width ? `${name}-${width}` : name)).join(".");
  return text === namesOf(USUAL) ? "" : text;
}

/**
 * Adds a column after the one it follows by default, or removes it.
 * @param {Column[]} columns
 * @param {string} name
 */
export function toggle(columns, name) {
  if (columns.some((one) => one.name === name))
    return COLUMNS[name].always ? columns : columns.filter((one) => one.name !== name);
  const order = Object.keys(COLUMNS);
  const place = columns.findLastIndex((one) => order.indexOf(one.name) < order.indexOf(name));
  return columns.toSpliced(place + 1, 0, { name });
}

/**
 * Moves a column by one place; the first and last stay where they are.
 * @param {Column[]} columns
 * @param {string} name
 * @param {number} by
 */
export function move(columns, name, by) {
  const from = columns.findIndex((one) => one.name === name);
  const to = from + by;
  return to < 0 || to >= columns.length ? columns : columns.with(from, columns[to]).with(to, columns[from]);
}

/**
 * The columns as `grid-template-columns`: those that grow, or else the last, take the remaining space.
 * @param {Column[]} columns
 */
export function tracks(columns) {
  const growing = columns.some(({ name }) => COLUMNS[name].grows);
  /** @type {(column: Column, index: number) => boolean | undefined} */
  const grows = ({ name }, index) => (growing ? COLUMNS[name].grows : index === columns.length - 1);
  return columns
    .map((one, index) =>
      grows(one, index) ? `minmax(${COLUMNS[one.name].least}px, ${widthOf(one)}fr)` : `${widthOf(one)}px`,
    )
    .join(" ");
}

/**
 * The default columns that remain in a narrow list.
 * @type {(columns: Column[]) => Column[]}
 */
export const slim = (columns) => columns.filter(({ name }) => !COLUMNS[name].slim);

/**
 * The minimum width of a row; in less space it scrolls.
 * @type {(columns: Column[]) => number}
 */
export const leastRoom = (columns) =>
  columns.reduce(
    (room, one) => room + (COLUMNS[one.name].grows ? COLUMNS[one.name].least : widthOf(one)),
    AROUND + BETWEEN * (columns.length - 1),
  );

/**
 * The maximum width of a column: its own plus what those after it can give.
 * @type {(widths: number[], least: number[], index: number) => number}
 */
export const widest = (widths, least, index) =>
  widths.reduce((room, width, other) => room + (other > index ? Math.max(0, width - least[other]) : 0), widths[index]);

/**
 * The widths after moving the edge behind a column: the next ones give space, or the next one takes it.
 * @param {number[]} widths
 * @param {number[]} least
 * @param {number} index
 * @param {number} by
 */
export function widened(widths, least, index, by) {
  const wanted = Math.min(widest(widths, least, index), Math.max(least[index], widths[index] + by));
  const after = widths.with(index, wanted);
  let more = wanted - widths[index];
  if (more < 0) after[index + 1] -= more;
  for (let other = index + 1; more > 0 && other < widths.length; other += 1) {
    const given = Math.min(more, Math.max(0, widths[other] - least[other]));
    after[other] -= given;
    more -= given;
  }
  return after;
}

/**
 * The columns with the changed widths, given those on the screen `before` and `after`. Growing columns all keep their
 * widths, so that their proportions stay.
 * @param {Column[]} columns
 * @param {Record<string, number>} before
 * @param {Record<string, number>} after
 * @returns {Column[]}
 */
export const withWidths = (columns, before, after) =>
  columns.map((one) => {
    const wide = Math.round(after[one.name] ?? 0);
    const changed = COLUMNS[one.name].grows || wide !== Math.round(before[one.name] ?? 0);
    return wide && changed ? { ...one, width: wide } : one;
  });
