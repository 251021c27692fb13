// The columns of the list: which there are, and somebody's choice of them with their widths, as a text for the address.

/**
 * Widths in pixels. Those that `grow` share the room that is left, each by its width; `slim` ones give way in a narrow
 * list.
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
  took: { title: "Duration", width: 66, least: 44, off: true },
  trace: { title: "Trace", width: 84, least: 44, off: true },
};
export const USUAL = Object.keys(COLUMNS)
  .filter((name) => !COLUMNS[name].off)
  .map((name) => ({ name }));
const WIDEST = 2000;
const AROUND = 28; // pixels beside the cells of a row,
const BETWEEN = 10; // and between two of them

const namesOf = (columns) => columns.map(({ name }) => name).join(".");
const widthOf = ({ name, width = COLUMNS[name].width }) => width;

/** Whether these are the usual columns in their usual order, of whatever width. */
export const areUsual = (columns) => namesOf(columns) === namesOf(USUAL);

/** "time.kind.obj-310" as columns; what is no column is left out, and null is what holds none. */
export function fromText(text) {
  const found = new Map();
  for (const one of String(text ?? "").split(".")) {
    const [, name, width] = /^([a-z]+)(?:-(\d{1,4}))?$/.exec(one) ?? [];
    if (!Object.hasOwn(COLUMNS, name ?? "") || found.has(name)) continue;
    found.set(name, width ? { name, width: Math.min(WIDEST, Math.max(COLUMNS[name].least, Number(width))) } : { name });
  }
  if (!found.size) return null;
  return found.has("kind") ? [...found.values()] : toggle([...found.values()], "kind");
}

/** The text of these columns; of the usual ones it is empty. */
export function toText(columns) {
  const text = columns.map(({ name, width }) => (width ? `${name}-${width}` : name)).join(".");
  return text === namesOf(USUAL) ? "" : text;
}

/** Take a column in, behind the one that it usually follows, or out. */
export function toggle(columns, name) {
  if (columns.some((one) => one.name === name))
    return COLUMNS[name].always ? columns : columns.filter((one) => one.name !== name);
  const order = Object.keys(COLUMNS);
  const place = columns.findLastIndex((one) => order.indexOf(one.name) < order.indexOf(name));
  return columns.toSpliced(place + 1, 0, { name });
}

/** Move a column by one place; at the end of the row it stays. */
export function move(columns, name, by) {
  const from = columns.findIndex((one) => one.name === name);
  const to = from + by;
  return to < 0 || to >= columns.length ? columns : columns.with(from, columns[to]).with(to, columns[from]);
}

/** The columns as `grid-template-columns`: one that grows, or else the last, takes the room that is left. */
export function tracks(columns) {
  const growing = columns.some(({ name }) => COLUMNS[name].grows);
  const grows = ({ name }, index) => (growing ? COLUMNS[name].grows : index === columns.length - 1);
  return columns
    .map((one, index) =>
      grows(one, index) ? `minmax(${COLUMNS[one.name].least}px, ${widthOf(one)}fr)` : `${widthOf(one)}px`,
    )
    .join(" ");
}

/** The columns that are left of the usual ones where there is little room. */
export const slim = (columns) => columns.filter(({ name }) => !COLUMNS[name].slim);

/** The room that a row needs at least; in less it is scrolled. */
export const leastRoom = (columns) =>
  columns.reduce(
    (room, one) => room + (COLUMNS[one.name].grows ? COLUMNS[one.name].least : widthOf(one)),
    AROUND + BETWEEN * (columns.length - 1),
  );

/** How wide a column may become: what those behind it can give. */
export const widest = (widths, least, index) =>
  widths.reduce((room, width, other) => room + (other > index ? Math.max(0, width - least[other]) : 0), widths[index]);

/** The widths after the edge behind a column was moved: the next ones give the room, or the next one takes it. */
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
 * The columns with widths as they were on the screen and as they are wanted; of those that grow all are kept, in
 * proportion.
 */
export const withWidths = (columns, before, after) =>
  columns.map((one) => {
    const wide = Math.round(after[one.name] ?? 0);
    const changed = COLUMNS[one.name].grows || wide !== Math.round(before[one.name] ?? 0);
    return wide && changed ? { ...one, width: wide } : one;
  });
