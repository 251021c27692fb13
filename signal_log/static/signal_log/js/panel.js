// The toolbar's panel: copies it, opens lines of code in an editor, and records this browser.
// The strip loads it when the panel is opened: a script of the panel's own would have no nonce.

import { copyLinked, copyPlace, copyText, sayIn } from "./lib/copying.js";

const KEY = "signal_log.editor";
/** @type {Record<string, ((file: string, line: string) => string) | undefined>} */
const EDITORS = {
  "VS Code": (file, line) => `vscode://file${file}:${line}`,
  Cursor: (file, line) => `cursor://file${file}:${line}`,
  Zed: (file, line) => `zed://file${file}:${line}`,
  PyCharm: (file, line) => `pycharm://open?file=${file}&line=${line}`,
  "IntelliJ IDEA": (file, line) => `idea://open?file=${file}&line=${line}`,
  "Sublime Text": (file, line) => `subl://open?url=file://${file}&line=${line}`,
};

/**
 * Prepares a panel each time that it is opened.
 * @param {HTMLElement} panel
 * @param {string} nonce
 */
export function open(panel, nonce) {
  const session = /** @type {HTMLElement} */ (panel.querySelector("[data-session]"));
  if (!panel.dataset.ready) {
    panel.dataset.ready = "1";
    style(panel, nonce);
    panel.addEventListener("click", (event) => clicked(event, panel));
    chooseEditor(panel);
    session.addEventListener("submit", (event) => submit(event, session));
  }
  showSession(session);
}

/**
 * @param {HTMLElement} panel
 * @param {string} nonce
 */
function style(panel, nonce) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.nonce = nonce;
  link.href = panel.dataset.css ?? "";
  panel.prepend(link);
}

/**
 * Copies what was clicked, and keeps the click from the page.
 * @param {MouseEvent} event
 * @param {HTMLElement} panel
 */
function clicked(event, panel) {
  const at = /** @type {Element} */ (event.target);
  const link = at.closest("a[data-copy]");
  const place = at.closest("[data-place]");
  const button = at.closest("[data-copy-text]");
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || !(link || place || button)) return;
  event.preventDefault();
  event.stopPropagation();
  sayIn(/** @type {HTMLElement} */ (panel.querySelector("[data-said]")));
  if (link) copyLinked(/** @type {HTMLAnchorElement} */ (link));
  else if (button) copyText(/** @type {HTMLElement} */ (button), panel.querySelector(".sl-text")?.textContent ?? "");
  else if (place) copyPlace(place);
}

/**
 * The developer's choice, not the project's: kept by the browser.
 * @param {HTMLElement} panel
 */
function chooseEditor(panel) {
  const select = /** @type {HTMLSelectElement | null} */ (panel.querySelector("[data-editors]"));
  const places = /** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll("[data-line]"));
  if (!select || !places.length) return;
  select.append(...["no editor", ...Object.keys(EDITORS)].map((name) => new Option(name)));
  select.value = chosen();
  select.addEventListener("change", () => {
    keep(select.value);
    link(places, select.value);
  });
  if (select.parentElement) select.parentElement.hidden = false;
  link(places, select.value);
}

/**
 * A click on the place itself copies it.
 * @param {Iterable<HTMLElement>} places
 * @param {string} editor
 */
function link(places, editor) {
  const address = EDITORS[editor];
  for (const place of places) {
    place.nextElementSibling?.remove();
    if (!address) continue;
    const file = encodeURI(place.dataset.file ?? "").replace(/[?#&]/g, encodeURIComponent);
    const found = document.createElement("a");
    found.className = "sl-open";
    found.textContent = "open";
    found.title = `Open in ${editor}`;
    found.href = address(file.startsWith("/") ? file : `/${file}`, place.dataset.line ?? "1");
    place.after(found);
  }
}

function chosen() {
  try {
    const name = localStorage.getItem(KEY) ?? "";
    return Object.hasOwn(EDITORS, name) ? name : "no editor";
  } catch {
    return "no editor"; // the browser keeps nothing for this page
  }
}

/** @param {string} name */
function keep(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {} // then it holds until the page is left
}

/** @param {HTMLElement} session */
async function showSession(session) {
  if (!session.dataset.session) return;
  const answer = await fetch(session.dataset.session);
  if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("application/json")) return;
  const { content } = await answer.json();
  const parsed = new DOMParser().parseFromString(content, "text/html");
  session.replaceChildren(...parsed.body.childNodes);
}

/**
 * The page stays: only its cookie changes. A refusal is told as the sessions' page tells it.
 * @param {SubmitEvent} event
 * @param {HTMLElement} session
 */
async function submit(event, session) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
  if (answer.type === "opaqueredirect") {
    await showSession(session);
    session.querySelector("button")?.focus();
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const problem = page.getElementById("problem")?.textContent ?? `The server answered ${answer.status}.`;
  const told = form.querySelector("[role=alert]") ?? document.createElement("span");
  told.className = "sl-bad";
  told.setAttribute("role", "alert");
  form.append(told);
  told.textContent = problem;
}
