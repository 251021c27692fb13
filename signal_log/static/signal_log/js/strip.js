// The strip on a host's page: adds what the page's own requests fire, from their Server-Timing header, and closes.
// Nothing of the page is wrapped or replaced: the browser tells of each request that has ended.

const MOST = 5;
const TOLD = /^(?:([A-Z]+) )?(\d+) operations? ([0-9a-f-]{36})$/;
const NO_TRACE = "00000000-0000-0000-0000-000000000000";

const host = /** @type {HTMLElement} */ (document.getElementById("signal-log-strip"));
const root = host.shadowRoot ?? attached();
const list = /** @type {HTMLElement} */ (root.querySelector("ul"));
/** @type {Map<string, { line: HTMLElement, times: number }>} */
const lines = new Map();

root.querySelector("button")?.addEventListener("click", () => {
  host.hidden = true;
  list.replaceChildren();
  lines.clear();
});

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

/**
 * One line for each method and path, however often a page asks.
 * @param {string} address
 * @param {string[]} told
 * @param {number} ms
 */
function tell(address, [, method = "", operations, trace], ms) {
  const name = `${method} ${new URL(address).pathname}`.trim();
  const known = lines.get(name);
  const line = known?.line ?? document.createElement("li");
  const times = (known?.times ?? 0) + 1;
  const link = document.createElement(host.dataset.address ? "a" : "span");
  const said = document.createElement("b");
  said.textContent = `${operations} operation${operations === "1" ? "" : "s"}, ${Math.round(ms)} ms`;
  link.append(said, host.dataset.address ? " →" : "");
  link.setAttribute("href", (host.dataset.address ?? "").replace(NO_TRACE, trace));
  line.replaceChildren(`${name}${times > 1 ? ` × ${times}, the last` : ""}: `, link);
  lines.set(name, { line, times });
  if (!known) {
    list.append(line);
  }
  if (lines.size > MOST) {
    const [oldest, { line: gone }] = /** @type {[string, { line: HTMLElement }]} */ (lines.entries().next().value);
    gone.remove();
    lines.delete(oldest);
  }
  host.hidden = false;
}

/** In a browser that does not know declarative shadow roots. */
function attached() {
  const made = host.attachShadow({ mode: "open" });
  made.append(/** @type {HTMLTemplateElement} */ (host.querySelector("template")).content);
  return made;
}
