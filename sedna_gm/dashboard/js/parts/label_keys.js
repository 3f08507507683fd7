// The keys of the labelling view: everything that a mouse does, and more quickly.

import * as labelling from "../logic/labelling.js";
import { register } from "./shortcuts.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = 10;

/** `change(function of the editor)`; the rest are what the view does by itself. Gives what takes the keys away. */
export function labelKeys({ change, save, turnPage, zoom, back }) {
  const does = (work) => () => change(work);
  const arrows = (prefix, far, work) => Object.entries(ARROWS).map(([key, [dx, dy]]) => ({
    keys: `${prefix}${key}`, hidden: true, run: does((editor) => work(editor, dx * far, dy * far)),
  }));
  const { nudge, grow } = labelling;
  return register("Labelling", [
    { keys: "s / Enter", does: "Save, and on to the next one", run: save },
    { keys: "j", does: "Choose the next box", run: does((editor) => labelling.turn(editor, 1)) },
    { keys: "k", does: "Choose the box before", run: does((editor) => labelling.turn(editor, -1)) },
    { keys: "n", does: "A new box in the middle", run: does(labelling.addInTheMiddle) },
    { keys: "Delete / Backspace", does: "Remove the chosen box", run: does((editor) => labelling.remove(editor)) },
    { keys: "none", show: "Arrows", does: "Move it by a pixel; with Shift by ten", run: () => {} },
    { keys: "none", show: "Ctrl + arrows", does: "Pull its lower right corner; with Shift by ten", run: () => {} },
    ...arrows("", 1, nudge), ...arrows("Shift+", FAR, nudge), ...arrows("Ctrl+", 1, grow), ...arrows("Ctrl+Shift+", FAR, grow),
    { keys: "none", show: "1 – 9", does: "Give it the class of that number", run: () => {} },
    ...Array.from({ length: 9 }, (_, place) => ({ keys: String(place + 1), hidden: true, run: does((editor) => labelling.classify(editor, place)) })),
    { keys: "Ctrl+z", does: "Undo", run: does(labelling.undo) },
    { keys: "Ctrl+Shift+z / Ctrl+y", does: "Redo", run: does(labelling.redo) },
    { keys: "e", does: "Remove all boxes: there is nothing", run: does(labelling.clear) },
    { keys: "r", does: "Back to what the model predicted", run: does(labelling.reset) },
    { keys: "PageDown / .", does: "The next example, without saving", run: () => turnPage(1) },
    { keys: "PageUp / ,", does: "The example before", run: () => turnPage(-1) },
    { keys: "+", does: "Larger", run: () => zoom(1) },
    { keys: "-", does: "Smaller", run: () => zoom(-1) },
    { keys: "Escape", does: "Let go of the box; once more: back to the gallery", run: back },
  ]);
}
