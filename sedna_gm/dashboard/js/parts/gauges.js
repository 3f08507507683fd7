// How much of something is taken: a small bar and the figure.

import { h } from "./tree.js";

/** `share` is 0 to 1; from nine tenths on it warns. */
export function gauge(share, text, label) {
  const known = Number.isFinite(share);
  return h("div", { class: "gauge", "data-tone": known && share >= 0.9 ? "warn" : null, role: "img", "aria-label": `${label}: ${text}` }, [
    h("i", {}, h("b", { style: { transform: `scaleX(${known ? Math.max(0, Math.min(1, share)) : 0})` } })),
    h("span", {}, text),
  ]);
}
