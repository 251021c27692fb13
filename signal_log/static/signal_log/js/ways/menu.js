// The menu of a value: only it, not it, copy it, open its page; and the three buttons beside a value under the pointer.

/** @import { Found, Value } from "../lib/ways.js" */

/**
 * @typedef {object} Act
 * @property {(value: Value, not: boolean) => void} ask
 * @property {(value: Value, not: boolean) => string} [href] where that leads, if to another page
 * @property {(value: Value) => void} copy
 */

const LONGEST = 120;
const AWAY = 250; // ms that the pointer may be beside the buttons before they go
const EDGE = 8; // pixels that a menu keeps from the edge of the window

const SIGNS = { only: "⊕", not: "⊖", copy: "=", open: "→" };

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Partial<HTMLElementTagNameMap[T]>} of
 * @param {(Node | string)[]} inside
 */
function el(tag, of, ...inside) {
  const made = Object.assign(document.createElement(tag), of);
  made.append(...inside);
  return made;
}

/** @param {keyof typeof SIGNS} name */
function icon(name) {
  const made = el("span", { className: "sign" }, SIGNS[name]);
  made.ariaHidden = "true";
  return made;
}

/** @type {(text: string) => string} */
const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/**
 * The menu and the buttons of a page.
 * @param {Act} act
 */
export function waysOf(act) {
  const menu = el("div", { className: "ways", popover: "auto" });
  const near = el("div", { className: "ways-near", hidden: true });
  near.ariaHidden = "true"; // for the pointer; the menu has the same for keys
  (document.querySelector("main") ?? document.body).append(menu, near);
  /** @type {Found} */
  let shown = { values: [], index: 0 };
  let leaving = 0;

  const hideNear = () => {
    near.hidden = true;
  };
  const leave = () => {
    clearTimeout(leaving);
    leaving = setTimeout(hideNear, AWAY);
  };

  /**
   * @param {Value} value
   * @param {"only" | "not" | "copy" | "open"} name
   * @param {string} words
   */
  function item(value, name, words) {
    const isQuery = name === "only" || name === "not";
    const href = name === "open" ? value.open : isQuery ? act.href?.(value, name === "not") : undefined;
    const made = href ? el("a", { href }) : el("button", { type: "button" });
    made.role = "menuitem";
    made.tabIndex = -1;
    made.append(icon(name), words);
    made.addEventListener("click", () => {
      menu.hidePopover();
      if (href) return;
      if (isQuery) act.ask(value, name === "not");
      else act.copy(value);
    });
    return made;
  }

  /** @param {Value} value */
  function items(value) {
    const { q, open, of } = value;
    return [
      ...(q ? [item(value, "only", `Only this ${of}`), item(value, "not", `Not this ${of}`)] : []),
      item(value, "copy", "Copy"),
      ...(open ? [item(value, "open", "Open its page")] : []),
    ];
  }

  /** @param {number} index */
  function turn(index) {
    const { values } = shown;
    shown = { values, index: (index + values.length) % values.length };
    const value = values[shown.index];
    const head = el("p", { id: "ways-head" }, el("b", {}, value.of), " ", el("bdi", {}, short(value.text)));
    if (values.length > 1)
      head.append(el("span", { className: "muted" }, ` ${shown.index + 1} of ${values.length} ← →`));
    const list = el("div", { role: "menu" }, ...items(value));
    list.setAttribute("aria-labelledby", head.id);
    menu.replaceChildren(head, list);
    put(value.at);
    /** @type {HTMLElement} */ (list.firstElementChild).focus();
  }

  /** @param {Element} at */
  function put(at) {
    const { left, bottom, top } = at.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = menu;
    const below = bottom + 2 + height <= innerHeight - EDGE;
    menu.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - width - EDGE))}px`;
    const wanted = below ? bottom + 2 : top - height - 2;
    menu.style.top = `${Math.max(EDGE, Math.min(wanted, innerHeight - height - EDGE))}px`;
  }

  menu.addEventListener("keydown", (event) => {
    const all = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("[role=menuitem]")]);
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => all[(at + 1) % all.length].focus(),
      ArrowUp: () => all[(at - 1 + all.length) % all.length].focus(),
      Home: () => all[0].focus(),
      End: () => all[all.length - 1].focus(),
      ArrowRight: () => turn(shown.index + 1),
      ArrowLeft: () => turn(shown.index - 1),
      Tab: () => menu.hidePopover(),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  for (const box of [near, menu]) box.addEventListener("click", (event) => event.stopPropagation());
  near.addEventListener("pointerenter", () => clearTimeout(leaving));
  near.addEventListener("pointerleave", leave);
  addEventListener("scroll", hideNear, { passive: true, capture: true });
  addEventListener("keydown", hideNear, { passive: true, capture: true });

  /** @param {Found} found */
  function openMenu(found) {
    hideNear();
    shown = found;
    if (!menu.matches(":popover-open")) menu.showPopover();
    turn(found.index);
  }

  /** @param {Found} found */
  function showNear(found) {
    if (menu.matches(":popover-open")) return;
    const value = found.values[found.index];
    const { at, q, of, text } = value;
    /** @type {(name: string, title: string, act: () => void) => HTMLElement} */
    const button = (name, title, press) => {
      const made = el("button", { type: "button", tabIndex: -1, title }, name);
      made.addEventListener("click", () => {
        hideNear();
        press();
      });
      return made;
    };
    const words = `${of} ${short(text)}`;
    near.replaceChildren(
      ...(q
        ? [button("⊕", `Only ${words}`, () => ask(value, false)), button("⊖", `Not ${words}`, () => ask(value, true))]
        : []),
      button("⋯", "Copy, open and more (v)", () => openMenu(found)),
    );
    near.hidden = false;
    const { right, top, height } = at.getBoundingClientRect();
    const edge = Math.min(right, at.parentElement?.getBoundingClientRect().right ?? right);
    near.style.left = `${Math.max(0, Math.min(edge, innerWidth - near.offsetWidth - EDGE))}px`;
    near.style.top = `${top + Math.min(height, 28) / 2 - near.offsetHeight / 2}px`;
    at.addEventListener("pointerleave", leave, { once: true });
    at.addEventListener("pointerenter", () => clearTimeout(leaving), { once: true });
  }

  /**
   * @param {Value} value
   * @param {boolean} not
   */
  function ask(value, not) {
    const href = act.href?.(value, not);
    if (href) location.assign(href);
    else act.ask(value, not);
  }

  /** @param {Value} value */
  const exclude = (value) => {
    if (value.q) ask(value, true);
  };
  return { openMenu, showNear, exclude };
}
