// The palette: goes to a page, a shared view, an event, a trace, an object or an account by a few letters.

/** @typedef {{ kind: string, title: string, note: string, url: string }} Place */

const WAIT = 120; // ms without a key before the server is asked

/** @type {HTMLDialogElement | undefined} */
let dialog;
/** @type {Place[]} */
let places = [];
let chosen = 0;
let asked = new AbortController();

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} values
 */
function el(tag, values) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
  return node;
}

const input = el("input", {
  type: "text",
  role: "combobox",
  maxlength: "200",
  placeholder: "Go to a page, an object, an account, an event…",
  autocomplete: "off",
  autocapitalize: "off",
  spellcheck: "false",
  "aria-label": "Go to",
  "aria-expanded": "true",
  "aria-controls": "palette-list",
  "aria-autocomplete": "list",
  "aria-describedby": "palette-said",
});
const list = el("ul", { id: "palette-list", role: "listbox", "aria-label": "Places" });
const said = el("p", { id: "palette-said", role: "status", class: "muted" });

/**
 * Opens it, or closes it if it is open.
 * @param {string} find the address that knows events, objects and accounts; empty for who may not see them
 * @param {string} typed what was typed already
 */
export function toggle(find, typed = "") {
  dialog ??= make(find);
  if (dialog.open) return dialog.close();
  if (document.querySelector("dialog[open]")) return;
  input.value = typed;
  dialog.showModal();
  show(pages(""), find ? "" : "Pages");
  if (typed) input.dispatchEvent(new Event("input"));
}

/** @param {string} find */
function make(find) {
  const made = el("dialog", { class: "palette", "aria-label": "Go to" });
  made.append(input, list, said);
  document.body.append(made);
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    asked.abort();
    const text = input.value.trim();
    show([...pages(text), ...search(find, text)], "");
    if (text && find) timer = setTimeout(() => ask(find, text), WAIT);
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) choose(Math.max(0, Math.min(chosen + step, places.length - 1)));
    else if (event.key === "Enter" && !event.isComposing) go(event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const option = event.target instanceof Element && event.target.closest("li");
    if (!option) return;
    choose([...list.children].indexOf(option));
    go(event.ctrlKey || event.metaKey);
  });
  made.addEventListener("click", ({ target }) => target === made && made.close());
  made.addEventListener("close", () => asked.abort());
  return made;
}

/**
 * The pages that the header leads to.
 * @param {string} text
 * @returns {Place[]}
 */
function pages(text) {
  const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (
    document.querySelectorAll("header.bar a[href]:not(.brand)")
  );
  const found = [...links].map(({ href, textContent }) => ({
    kind: "page",
    title: (textContent ?? "").trim(),
    note: "",
    url: href,
  }));
  const sought = text.toLowerCase();
  return found.filter(
    ({ title, url }, i) => found.findIndex((one) => one.url === url) === i && title.toLowerCase().includes(sought),
  );
}

/** @type {(find: string, text: string) => Place[]} */
const search = (find, text) =>
  find && text
    ? [{ kind: "search", title: text, note: "in the history", url: `${find}?q=${encodeURIComponent(text)}` }]
    : [];

/**
 * @param {string} find
 * @param {string} text
 */
async function ask(find, text) {
  asked = new AbortController();
  const { signal } = asked;
  try {
    const query = new URLSearchParams({ format: "find", text });
    const answer = await fetch(`${find}?${query}`, { signal, redirect: "manual" });
    if (!answer.ok)
      throw new Error(answer.type === "opaqueredirect" ? "you are logged out" : `status ${answer.status}`);
    const { found, scope } = await answer.json();
    if (!signal.aborted) show([...pages(text), ...found, ...search(find, text)], scope);
  } catch (problem) {
    if (!signal.aborted) said.textContent = `The log could not be asked: ${/** @type {Error} */ (problem).message}`;
  }
}

/**
 * @param {Place[]} found
 * @param {string} words
 */
function show(found, words) {
  const before = places[chosen]?.url;
  places = found;
  list.replaceChildren(...found.map(option));
  const kept = found.findIndex(({ url }) => url === before);
  choose(chosen > 0 && kept > 0 ? kept : 0);
  said.textContent = [found.length === 1 ? "1 place." : `${found.length} places.`, words].filter(Boolean).join(" ");
}

/** @type {(place: Place, index: number) => HTMLElement} */
function option({ kind, title, note }, index) {
  const node = el("li", { role: "option", id: `palette-${index}`, "aria-selected": "false" });
  const parts = [kind, title, note].map((text, i) => {
    const part = el(i ? "bdi" : "span", { class: ["muted", "value", "muted"][i] });
    part.textContent = text;
    return part;
  });
  node.append(parts[0], " ", parts[1], " ", parts[2]);
  return node;
}

/** @param {number} index */
function choose(index) {
  list.children[chosen]?.setAttribute("aria-selected", "false");
  chosen = index;
  const node = list.children[index];
  node?.setAttribute("aria-selected", "true");
  node?.scrollIntoView({ block: "nearest" });
  if (node) input.setAttribute("aria-activedescendant", node.id);
  else input.removeAttribute("aria-activedescendant");
}

/** @param {boolean} beside in a new tab */
function go(beside) {
  const place = places[chosen];
  if (!place) return;
  dialog?.close();
  if (beside) open(place.url, "_blank", "noopener");
  else location.assign(place.url);
}
