// Applies the stored theme before the first paint (so it is loaded in <head>, not as a module) and handles its switch.
(() => {
  const KEY = "signal-log-theme";
  /** @type {Record<string, string>} */
  const NEXT = { auto: "light", light: "dark", dark: "auto" };
  const root = document.documentElement;

  const stored = () => {
    try {
      const value = localStorage.getItem(KEY);
      return value !== null && value in NEXT ? value : "auto";
    } catch {
      return "auto"; // storage is blocked: use the system's setting
    }
  };

  /** @param {string} theme */
  const apply = (theme) => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    /** @type {NodeListOf<HTMLElement>} */
    const buttons = document.querySelectorAll("[data-theme-switch]");
    for (const button of buttons) {
      const label = `Theme: ${theme}. Switch to ${NEXT[theme]}`;
      button.hidden = false;
      button.dataset.now = theme;
      button.setAttribute("aria-label", label);
      button.title = label;
      const name = button.querySelector("[data-theme-name]");
      if (name) name.textContent = theme;
    }
  };

  apply(stored());
  document.addEventListener("DOMContentLoaded", () => apply(stored()));
  addEventListener("storage", (event) => event.key === KEY && apply(stored()));
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element && event.target.closest("[data-theme-switch]"))) return;
    const theme = NEXT[stored()];
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // not stored, but applied to this page
    }
    apply(theme);
  });
})();
