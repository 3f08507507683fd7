// The bar on top: where one is, whether what is shown is live, and what holds for the whole page.

import { h } from "./tree.js";
import { button, state } from "./pieces.js";
import { help } from "./shortcuts.js";
import { WORDS, nextTheme, theme } from "./theming.js";

const LIVE = {
  live: ["good", "Live", "Changes are shown as they happen."],
  asking: ["plain", "Asking", "Many windows are open: this one asks every few seconds."],
  cut: ["warn", "Cut off", "The line to the GlobalManager is cut. What is shown may be old; it is tried again by itself."],
  refused: ["bad", "Refused", "The GlobalManager refuses what this page asks for."],
};
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };

export function bar({ route, state: seen, namespace = "", isKnown, choose, leave, redraw }) {
  const isNodes = ["nodes", "node"].includes(route.name);
  const [tone, word, meaning] = LIVE[seen?.state] ?? [];
  return [
    h("a", { class: "name", href: "#/", "aria-label": "Sedna, overview" }, [
      h("img", { src: document.querySelector('link[rel="icon"]').href, alt: "" }),
      "Sedna",
    ]),
    seen &&
      h("nav", { "aria-label": "Pages" }, [
        h("a", { href: "#/", "aria-current": !isNodes && route.name !== "worker" ? "page" : null }, "Overview"),
        h("a", { href: "#/nodes", "aria-current": isNodes ? "page" : null }, "Nodes"),
      ]),
    h("div", { class: "tools" }, [
      seen && h("span", { class: "live", title: seen.error?.message ?? meaning }, state(tone, word)),
      seen && namespaceBox(namespace, choose),
      button(SIGNS[theme()], () => { nextTheme(); redraw(); }, { kind: "quiet icon", title: `Colours: ${WORDS[theme()]}`, label: `Colours: ${WORDS[theme()]}. Change` }),
      button("?", help, { kind: "quiet icon", title: "Keys", label: "Keys" }),
      seen && isKnown && button("Sign out", leave, { kind: "quiet" }),
    ]),
  ];
}

function namespaceBox(namespace, choose) {
  return h("input", {
    class: "namespace", type: "text", "aria-label": "Namespace, empty for all", placeholder: "All namespaces", title: "Namespace",
    value: namespace, spellcheck: "false", autocomplete: "off",
    on: { change: (event) => choose(event.target.value.trim()) },
  });
}
