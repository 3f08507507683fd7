// Light, dark, or as the system is. Charts are drawn in the page's colours and hear of a change by an event.

const ORDER = ["auto", "light", "dark"];
export const WORDS = { auto: "As the system is", light: "Light", dark: "Dark" };

export const theme = () => document.documentElement.dataset.theme || "auto";

/** Takes the next one and keeps it in this browser. */
export function nextTheme() {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length];
  localStorage.setItem("sedna.theme", next);
  document.documentElement.dataset.theme = next;
  window.dispatchEvent(new Event("sedna-theme"));
  return next;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => window.dispatchEvent(new Event("sedna-theme")));

/** A colour of style/base.css as a canvas takes it. */
export function colour(name) {
  const probe = document.createElement("i");
  probe.style.setProperty("color", `var(--${name})`);
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
