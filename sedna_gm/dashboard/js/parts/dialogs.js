// Questions that must be answered before anything is done. The browser's own dialog keeps the focus inside, and Escape
// says no.

import { draw, h } from "./tree.js";

/** Opens a dialog with what `content(close)` describes; resolves with what `close` was called with, or null. */
export function open(label, content) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", label);
    const close = (value) => {
      dialog.returnValue = "";
      resolve(value);
      dialog.close();
    };
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(null);
    });
    dialog.addEventListener("click", (event) => event.target === dialog && close(null));
    document.body.append(dialog);
    draw(dialog, h("div", { class: "inside" }, content(close)));
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.focus();
  });
}

/** Asks whether to do it: true or false. `verb` is on the button that does it. */
export async function confirmed(title, sentences, verb, danger = false) {
  const answer = await open(title, (close) => [
    h("h2", {}, title),
    sentences.map((sentence) => h("p", {}, sentence)),
    h("div", { class: "buttons" }, [
      h("button", { class: "button", type: "button", autofocus: danger, on: { click: () => close(null) } }, "Leave it"),
      h(
        "button",
        { class: danger ? "button danger" : "button main", type: "button", autofocus: !danger, on: { click: () => close(true) } },
        verb,
      ),
    ]),
  ]);
  return answer === true;
}

/** Asks whether to leave what is not saved. */
export const confirmedToLeave = () => confirmed("Leave this one unsaved?", ["What was changed here is lost."], "Leave it unsaved");
