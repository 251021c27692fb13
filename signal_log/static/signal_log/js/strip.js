// The strip on a host's page: adds what the page's own requests fire, from their Server-Timing header, and closes.
// Nothing of the page is wrapped or replaced: the browser tells of each request that has ended.

const MOST = 5;
const TOLD = /^(?:([A-Z]+) )?(\d+) operations? ([0-9a-f-]{36})$/;
const NO_TRACE = "00000000-0000-0000-0000-000000000000";
const ID = "signal-log-strip";
const PANEL = "SignalLogPanel";

const nonce = document.getElementById(`${ID}-script`)?.nonce ?? "";
/** @type {Map<string, { line: HTMLElement, times: number }>} */
const lines = new Map();
/** @type {WeakSet<HTMLElement>} */
const known = new WeakSet();

/** The page's strip; another one where a script (htmx, Turbo) has put another body into the page. */
function strip() {
  const host = document.getElementById(ID);
  if (host && !known.has(host)) {
    known.add(host);
    const root = host.shadowRoot ?? attached(host);
    for (const link of root.querySelectorAll("link")) if (link.nonce !== nonce) link.replaceWith(allowed(link));
    root.querySelector("button")?.addEventListener("click", () => {
      host.hidden = true;
      root.querySelector("ul")?.replaceChildren();
      lines.clear();
    });
    lines.clear();
  }
  followToolbar(host);
  return host;
}

/** @type {WeakSet<HTMLElement>} */
const followed = new WeakSet();

/**
 * The toolbar's theme is the strip's, and its panel is made ready when it is opened.
 * @param {HTMLElement | null} host
 */
function followToolbar(host) {
  const outer = document.getElementById("djDebugRoot");
  const toolbar = /** @type {HTMLElement | null | undefined} */ (
    (outer?.shadowRoot ?? outer)?.querySelector("#djDebug")
  );
  if (!host || !toolbar || followed.has(toolbar)) return;
  followed.add(toolbar);
  const paint = () => {
    host.dataset.theme = toolbar.dataset.theme ?? "";
  };
  new MutationObserver(paint).observe(toolbar, { attributeFilter: ["data-theme"] });
  paint();
  toolbar.addEventListener("djdt.panel.render", async (event) => {
    const panel = toolbar.querySelector(`#${PANEL} .sl-panel`);
    if (/** @type {CustomEvent} */ (event).detail.panelId !== PANEL || !panel) return;
    const { open } = await import("./panel.js");
    open(/** @type {HTMLElement} */ (panel), nonce);
  });
}

new PerformanceObserver((entries) => {
  for (const entry of entries.getEntries()) {
    const request = /** @type {PerformanceResourceTiming} */ (entry);
    for (const timing of request.serverTiming) {
      const told = timing.name.startsWith("signals") && TOLD.exec(timing.description);
      if (told && told[2] !== "0") {
        tell(request.name, told, timing.duration);
      }
    }
  }
}).observe({ type: "resource", buffered: true });

const bodies = new MutationObserver(() => {
  strip();
  bodies.observe(document.body, { childList: true });
});
bodies.observe(document.documentElement, { childList: true });
bodies.observe(document.body, { childList: true });
strip();

/**
 * One line for each method and path, however often a page asks.
 * @param {string} address
 * @param {string[]} told
 * @param {number} ms
 */
function tell(address, [, method = "", operations, trace], ms) {
  const host = strip();
  const list = host?.shadowRoot?.querySelector("ul");
  if (!host || !list || "ours" in host.dataset) return;
  const name = `${method} ${new URL(address).pathname}`.trim();
  const said = lines.get(name);
  const there = (host.dataset.address ?? "").replace(NO_TRACE, trace);
  if (!said && there && list.querySelector(`a[href="${there}"]`)) return; // the new body's strip says it itself
  const line = said?.line ?? document.createElement("li");
  const times = (said?.times ?? 0) + 1;
  const link = document.createElement(host.dataset.address ? "a" : "span");
  const fired = document.createElement("b");
  fired.textContent = `${operations} operation${operations === "1" ? "" : "s"}, ${Math.round(ms)} ms`;
  link.append(fired, host.dataset.address ? " →" : "");
  link.setAttribute("href", there);
  line.replaceChildren(`${name}${times > 1 ? ` × ${times}, the last` : ""}: `, link);
  lines.set(name, { line, times });
  if (!said) {
    list.append(line);
  }
  if (lines.size > MOST) {
    const [oldest, { line: gone }] = /** @type {[string, { line: HTMLElement }]} */ (lines.entries().next().value);
    gone.remove();
    lines.delete(oldest);
  }
  host.hidden = false;
}

/**
 * In a browser that does not know declarative shadow roots, and for a body that a script has put into the page.
 * @param {HTMLElement} host
 */
function attached(host) {
  const made = host.attachShadow({ mode: "open" });
  const template = host.querySelector("template");
  if (template) made.append(template.content);
  return made;
}

/**
 * The policy is still that of the page which the browser has loaded, with its nonce.
 * @param {HTMLLinkElement} link
 */
function allowed(link) {
  const other = document.createElement("link");
  other.rel = "stylesheet";
  other.nonce = nonce;
  other.href = link.href;
  return other;
}
