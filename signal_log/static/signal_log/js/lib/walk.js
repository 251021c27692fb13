// Walks the rows of a page's list by keys: the focus goes to what opens a row, and a screen reader is told the row.

/**
 * @typedef {object} Of
 * @property {HTMLElement[]} rows
 * @property {(row: HTMLElement) => HTMLElement | null} head what opens the row; without one the row gets the focus
 * @property {(words: string) => void} say
 * @property {(row: HTMLElement) => string} words what the head itself does not say
 */

/** @param {Of} of */
export function walker({ rows, head, say, words }) {
  let last = -1;
  /** The row with the focus, else the one that had it. */
  const current = () => {
    const here = rows.findIndex((row) => row.contains(document.activeElement));
    return here < 0 ? last : here;
  };
  /** @param {number} index */
  const go = (index) => {
    last = Math.max(0, Math.min(index, rows.length - 1));
    const row = rows[last];
    if (!row) return say("Nothing is listed here");
    const opener = head(row) ?? row;
    if (opener === row) row.tabIndex = -1;
    opener.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    const told = words(row);
    say(`${told}${told ? ", " : ""}${last + 1} of ${rows.length}`);
  };
  const inList = () => rows.some((row) => row.contains(document.activeElement));
  const keys = {
    j: () => go(current() + 1),
    k: () => go(current() - 1),
    ArrowDown: () => inList() && go(current() + 1), // anywhere else it scrolls
    ArrowUp: () => inList() && go(current() - 1),
    g: () => go(0),
    G: () => go(rows.length - 1),
  };
  return { current, go, keys };
}

/**
 * The cells of a table's row, as one text.
 * @param {HTMLElement} row
 */
export const cellsOf = (row) =>
  [...row.children]
    .map((cell) => {
      const said = /** @type {Element} */ (cell.cloneNode(true));
      for (const hidden of said.querySelectorAll("[aria-hidden]")) hidden.remove();
      return said.textContent?.replace(/\s+/g, " ").trim();
    })
    .filter(Boolean)
    .join(", ")
    .slice(0, 300);

/**
 * Follows a page's link to its next or previous page.
 * @param {"next" | "prev"} rel
 * @param {(words: string) => void} say
 */
export function turn(rel, say, what = "page") {
  const link = /** @type {HTMLElement | null} */ (document.querySelector(`main a[rel=${rel}]`));
  if (link) link.click();
  else say(`This is the ${rel === "next" ? "last" : "first"} ${what}`);
}
