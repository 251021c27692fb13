// The list that an event was opened from: its keys go on in it on the event's own page.

const KEY = "signal-log-list";
const MOST = 1_000;
const EVENT = /\/events\/\d+\/$/;

/** @param {string} url */
const isEvent = (url) => EVENT.test(new URL(url, location.href).pathname);

/**
 * Keeps the events of a list when one of them is opened.
 * @param {string} lists a selector
 */
export function keepLists(lists) {
  document.addEventListener("click", ({ target }) => {
    const link = target instanceof Element ? target.closest("a") : null;
    const list = link?.closest(lists);
    if (!link || !list || !isEvent(link.href)) return;
    const urls = [...list.querySelectorAll("a")].map(({ href }) => href).filter(isEvent);
    try {
      sessionStorage.setItem(KEY, JSON.stringify([...new Set(urls)].slice(0, MOST)));
    } catch {
      // blocked: the keys then go to the object's other events
    }
  });
}

/**
 * On the page of an event of that list, the one beside it, or nothing at the list's end; elsewhere undefined.
 * @param {number} by
 * @returns {string | null | undefined}
 */
export function beside(by, here = location.href.split(/[?#]/)[0]) {
  try {
    /** @type {string[]} */
    const urls = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    const place = urls.indexOf(here);
    return place < 0 ? undefined : (urls[place + by] ?? null);
  } catch {
    return undefined;
  }
}

export const isEventPage = () => isEvent(location.href);
