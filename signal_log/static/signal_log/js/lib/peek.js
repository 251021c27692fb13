// An event beside the list that it stands in, as in the panel of the live page; it is a part of the event's own page.

/** @type {HTMLElement | undefined} */
let panel;
let turn = {};

/** @param {string} url */
async function pageOf(url) {
  const answer = await fetch(url, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) throw new Error(answer.type === "opaqueredirect" ? "you are logged out" : `status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** @param {() => void} left */
function make(left) {
  const made = document.createElement("aside");
  made.className = "peek";
  made.tabIndex = -1;
  made.setAttribute("aria-label", "Selected event");
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
 * Shows the event with this address.
 * @param {string} url
 * @param {{ say: (words: string) => void, left: () => void }} on
 */
export async function show(url, { say, left }) {
  panel ??= make(left);
  turn = {};
  const mine = turn;
  try {
    const page = await pageOf(url);
    if (mine !== turn) return;
    for (const sheet of page.querySelectorAll("link[rel=stylesheet]"))
      if (!document.head.querySelector(`link[href="${sheet.getAttribute("href")}"]`)) document.head.append(sheet);
    panel.replaceChildren(head(url), ...page.querySelectorAll("main .page-head > div, main .event"));
    panel.scrollTop = 0;
  } catch (problem) {
    if (mine !== turn) return;
    const words = `The event could not be loaded: ${/** @type {Error} */ (problem).message}.`;
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
