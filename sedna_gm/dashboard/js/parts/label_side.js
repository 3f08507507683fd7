// Beside the picture: the classes, the boxes as a list that keys and readers of screens reach, and what can be done.

import { className, colourOf } from "../logic/examples.js";
import { choose, chosenBox, classify, inOrder, isChanged, remove } from "../logic/labelling.js";
import { button } from "./pieces.js";
import { help } from "./shortcuts.js";
import { h } from "./tree.js";

export function labelSide({ editor, classes, done, saving, set, save, empty, undo, redo }) {
  const kinds = Math.max(classes?.length ?? 0, 1, ...editor.boxes.map((one) => (one.class ?? 0) + 1));
  return h("aside", { class: "side panel", "aria-label": "Label" }, [
    h("div", { class: "body stack" }, [
      h("div", { class: "buttons save" }, [
        button(saving ? "Saving…" : "Save and next", save, { kind: "main", disabled: done || saving, title: "S" }),
        button("↶", undo, { kind: "icon", label: "Undo", title: "Undo, Ctrl Z", disabled: done || !editor.past.length }),
        button("↷", redo, { kind: "icon", label: "Redo", title: "Redo, Ctrl Shift Z", disabled: done || !editor.future.length }),
      ]),
      h("div", {}, [h("h2", { class: "side-title", id: "classes" }, "Class"), h("div", { class: "kinds", role: "radiogroup", "aria-labelledby": "classes" },
        Array.from({ length: kinds }, (_, kind) => kindButton(kind, classes, editor, set, done)))]),
      h("div", {}, [
        h("h2", { class: "side-title", id: "boxes" }, `Boxes (${editor.boxes.length})`),
        editor.boxes.length
          ? h("ul", { class: "box-list", "aria-labelledby": "boxes" }, inOrder(editor.boxes).map((one) => boxRow(one, classes, editor, set, done)))
          : h("p", { class: "muted small" }, "None: saved so, it says that there is nothing to see. Drag over the picture, or press N, for a new one."),
      ]),
      h("div", { class: "buttons" }, [
        button("Nothing here", empty, { disabled: done || !editor.boxes.length, title: "E: remove all boxes" }),
        button("Keys", help, { kind: "quiet" }),
      ]),
      h("p", { class: "small muted" }, done ? "" : isChanged(editor) ? "Changed, not saved yet." : "As the model predicted."),
    ]),
  ]);
}

function kindButton(kind, classes, editor, set, done) {
  const now = chosenBox(editor)?.class ?? editor.kind;
  return h("button", {
    key: String(kind), class: "kind", type: "button", role: "radio", "aria-checked": String(now === kind), disabled: done,
    on: { click: () => set(classify(editor, kind)) },
  }, [h("i", { class: "swatch", style: { background: colourOf(kind) } }), h("span", {}, className(classes, kind)), kind < 9 ? h("kbd", { "aria-hidden": "true" }, String(kind + 1)) : null]);
}

function boxRow(one, classes, editor, set, done) {
  const chosen = one.id === editor.chosen;
  const [x0, y0, x1, y1] = one.box;
  const words = `${className(classes, one.class)}, ${x1 - x0} × ${y1 - y0}`;
  return h("li", { key: String(one.id), class: chosen ? "chosen" : null }, [
    h("button", { class: "pick", type: "button", "aria-pressed": String(chosen), on: { click: () => set(choose(editor, one.id)) } }, [
      h("i", { class: "swatch", style: { background: colourOf(one.class) } }), words,
      one.score === null ? null : h("span", { class: "muted" }, ` ${Math.round(one.score * 100)} %`),
    ]),
    done ? null : h("button", { class: "button quiet", type: "button", "aria-label": `Remove ${words}`, on: { click: () => set(remove(editor, one.id)) } }, "×"),
  ]);
}
