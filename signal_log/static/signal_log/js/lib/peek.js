// What a row is of, beside its list, as in the panel of the live page: the parts of its page that are marked for it.

/** @type {HTMLElement | undefined} */
let panel;
let turn = {};

/** @param {string} url */
async function pageOf(url) {
  const answer = await fetch(url, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) throw new Error(answer.type === "opaqueredirect" ? "you are logged out" : `status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/**
 * @param {() => void} left
 * @param {string} what
 */
function make(left, what) {
  const made = document.createElement("aside");
  made.className = "peek";
  made.tabIndex = -1;
  made.setAttribute("aria-label", `Selected ${what}`);
  made.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest(".peek-close")) left();
  });
  (document.querySelector("main") ?? document.body).append(made);
  return made;
}

/** @param {string} url */
function head(url) {
  const top = document.createElement("div");
  top.className = "peek-head";
  const open = Object.assign(document.createElement("a"), { className: "btn small", href: url, textContent: "Open" });
  const close = Object.assign(document.createElement("button"), {
    className: "icon-btn peek-close",
    type: "button",
    ariaLabel: "Close panel",
    title: "Close (Esc)",
    textContent: "✕",
  });
  top.append(open, close);
  return top;
}

/**
 * The parts of a page to show; what it links to in itself leads there.
 * @param {Document} page
 * @param {string} url
 */
function partsOf(page, url) {
  for (const link of page.querySelectorAll('a:is([href^="#"], [href^="?"])'))
    link.setAttribute("href", new URL(link.getAttribute("href") ?? "", url).href);
  return page.querySelectorAll("main [data-peek]");
}

/**
 * Shows the event, or whatever has this address.
 * @param {string} url
 * @param {{ say: (words: string) => void, left: () => void, what: string }} on
 */
export async function show(url, { say, left, what }) {
  panel ??= make(left, what);
  turn = {};
  const mine = turn;
  try {
    const page = await pageOf(url);
    if (mine !== turn) return;
    for (const sheet of page.querySelectorAll("link[rel=stylesheet]"))
      if (!document.head.querySelector(`link[href="${sheet.getAttribute("href")}"]`)) document.head.append(sheet);
    panel.replaceChildren(head(url), ...partsOf(page, url));
    panel.scrollTop = 0;
  } catch (problem) {
    if (mine !== turn) return;
    const words = `The ${what} could not be loaded: ${/** @type {Error} */ (problem).message}.`;
    panel.replaceChildren(head(url), Object.assign(document.createElement("p"), { textContent: words }));
    say(words);
  }
  panel.hidden = false;
}

export const isOpen = () => panel !== undefined && !panel.hidden;

/** Whether it was open. */
export function close() {
  turn = {};
  if (!panel || panel.hidden) return false;
  panel.hidden = true;
  return true;
}

/** Moves the focus into it; whether it was not there already. */
export function enter() {
  if (!panel || panel.contains(document.activeElement)) return false;
  panel.focus();
  return true;
}
