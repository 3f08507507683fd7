// Keys that do something without a mouse, and the page that lists them. A view registers its own for as long as it is open.

import { h } from "./tree.js";
import { open } from "./dialogs.js";

const groups = [];
let first = "";

/** Adds keys: `[{keys: "g o", does: "…", run}]`; gives what takes them away. Keys in sequence are parted by a space;
 * `hidden` ones are not listed, `show` says how a row is listed. */
export function register(title, rows) {
  const group = { title, rows };
  groups.push(group);
  return () => groups.splice(groups.indexOf(group), 1);
}

/** How a keyboard event is written here: `Ctrl+z`, `Shift+ArrowUp`, `?`. */
export function named(event) {
  const isSign = event.key.length === 1;
  // A sign such as `?` or `+` has the shift key in it.
  const shift = event.shiftKey && (!isSign || /[a-z]/i.test(event.key)) ? "Shift+" : "";
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  return `${control}${event.altKey ? "Alt+" : ""}${shift}${isSign ? event.key.toLowerCase() : event.key}`;
}

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

// What has the focus does what it is for.
function answersItself(event) {
  return (event.key === "Enter" || event.key === " ") && event.target.closest?.("button, a, summary, [role=option]");
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || typing(event.target) || answersItself(event) || document.querySelector("dialog[open]")) return;
  const pressed = named(event);
  const sequence = first ? `${first} ${pressed}` : pressed;
  first = "";
  const rows = groups.toReversed().flatMap((group) => group.rows);
  const row = rows.find(({ keys }) => keys.split(" / ").includes(sequence));
  if (row) {
    event.preventDefault();
    row.run(event);
  } else if (rows.some(({ keys }) => keys.startsWith(`${pressed} `) && !keys.startsWith(`${pressed} /`))) first = pressed;
});

const SIGNS = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Delete: "Del", Escape: "Esc", " ": "Space" };

function shown(keys) {
  return keys.split(/( \/ | |\+)/).map((part) => {
    if (part === " / ") return " or ";
    if (part === "+") return "+";
    return part.trim() ? h("kbd", {}, SIGNS[part] ?? (/^[a-z]$/.test(part) ? part.toUpperCase() : part)) : " ";
  });
}

/** Shows all keys that work now. */
export function help() {
  open("Keys", (close) => [
    h("h2", {}, "Keys"),
    groups.toReversed().map((group) => [
      h("h3", {}, group.title),
      h("div", { class: "keys" }, group.rows.filter((row) => !row.hidden).map((row) => [h("span", {}, row.show ?? shown(row.keys)), h("span", {}, row.does)])),
    ]),
    h("div", { class: "buttons" }, h("button", { class: "button", type: "button", autofocus: true, on: { click: () => close(null) } }, "Close")),
  ]);
}
