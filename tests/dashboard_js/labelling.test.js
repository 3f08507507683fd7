// What a person does to boxes, and the way back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LEAST, moved, pulled, same, tidy } from "../../sedna_gm/dashboard/js/logic/boxes.js";
import * as editing from "../../sedna_gm/dashboard/js/logic/labelling.js";

const SIZE = { width: 100, height: 80 };
const EXAMPLE = {
  ...SIZE, label: null,
  boxes: [{ box: [10, 10, 30, 40], score: 0.6, class: 2 }, { box: [50.4, 20.6, 70, 60], score: null, class: null }],
};
const boxes = (editor) => editor.boxes.map((one) => one.box);

/** A chance that is the same every time (mulberry32). */
function chances(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

function isGood([x0, y0, x1, y1]) {
  return [x0, y0, x1, y1].every(Number.isInteger) && x0 >= 0 && y0 >= 0 && x1 <= SIZE.width && y1 <= SIZE.height && x1 - x0 >= LEAST && y1 - y0 >= LEAST;
}

test("an example begins with what the model predicted, in whole pixels", () => {
  const editor = editing.begin(EXAMPLE);
  assert.deepEqual(boxes(editor), [[10, 10, 30, 40], [50, 21, 70, 60]]);
  assert.deepEqual(editor.boxes.map((one) => one.class), [2, 0]);
  assert.equal(editing.isChanged(editor), false);
});

test("a label that is there counts, and not the prediction", () => {
  assert.deepEqual(boxes(editing.begin({ ...EXAMPLE, label: { boxes: [] } })), []);
});

test("a new box is chosen, takes the class of the last one, and loses to undo", () => {
  let editor = editing.classify(editing.begin(EXAMPLE), 3);
  editor = editing.add(editor, [90, 70, 80, 60]);
  assert.deepEqual(editing.chosenBox(editor), { id: 2, box: [80, 60, 90, 70], class: 3, score: null });
  assert.equal(editing.isChanged(editor), true);
  editor = editing.undo(editor);
  assert.equal(editor.boxes.length, 2);
  assert.equal(editor.chosen, null);
  assert.equal(editing.redo(editor).boxes.length, 3);
});

test("what was redone before is gone after another change", () => {
  let editor = editing.undo(editing.addInTheMiddle(editing.begin(EXAMPLE)));
  editor = editing.remove(editing.choose(editor, 0));
  assert.equal(editing.redo(editor), editor);
});

test("a box moved pixel by pixel goes back in one step, and another box in its own", () => {
  let editor = editing.choose(editing.begin(EXAMPLE), 0);
  for (let time = 0; time < 5; time += 1) editor = editing.nudge(editor, 1, 0);
  editor = editing.nudge(editing.choose(editor, 1), 0, 1);
  assert.equal(editor.past.length, 2);
  editor = editing.undo(editor);
  assert.deepEqual(boxes(editor)[0], [15, 10, 35, 40]);
  assert.deepEqual(boxes(editing.undo(editor))[0], [10, 10, 30, 40]);
});

test("a drag is one step from where it began, however often the mouse has moved", () => {
  const before = editing.choose(editing.begin(EXAMPLE), 0);
  let editor = before;
  for (const x of [12, 15, 25]) editor = editing.dragged(before, { handle: null, from: { x: 10, y: 10 }, to: { x, y: 10 } });
  assert.deepEqual(boxes(editor)[0], [25, 10, 45, 40]);
  assert.equal(editor.past.length, 1);
  const pulledBox = editing.dragged(before, { handle: "nw", from: { x: 10, y: 10 }, to: { x: 40, y: 50 } });
  assert.deepEqual(boxes(pulledBox)[0], [30, 40, 40, 50], "pulled over the other side it turns over");
});

test("what a person has touched has no score of the model any more", () => {
  const editor = editing.nudge(editing.choose(editing.begin(EXAMPLE), 0), 1, 0);
  assert.deepEqual(editor.boxes.map((one) => one.score), [null, null]);
});

test("keys go round all boxes from top to bottom, and removing one chooses its neighbour", () => {
  let editor = editing.turn(editing.begin(EXAMPLE), 1);
  assert.equal(editor.chosen, 0);
  editor = editing.turn(editor, 1);
  assert.equal(editor.chosen, 1);
  assert.equal(editing.turn(editor, 1).chosen, 0);
  assert.equal(editing.turn(editing.begin(EXAMPLE), -1).chosen, 1);
  editor = editing.remove(editor);
  assert.equal(editor.chosen, 0);
  assert.equal(editing.turn(editing.clear(editor), 1).chosen, null);
});

test("nothing at all is a label, and can be gone back", () => {
  const editor = editing.clear(editing.begin(EXAMPLE));
  assert.deepEqual(editing.labelOf(editor), []);
  assert.equal(editing.undo(editor).boxes.length, 2);
  assert.equal(editing.clear(editor), editor);
});

test("small boxes lie on top of large ones, where they can be reached", () => {
  const drawn = editing.asDrawn([{ id: 1, box: [0, 0, 5, 5] }, { id: 2, box: [0, 0, 50, 50] }]);
  assert.deepEqual(drawn.map(({ id }) => id), [2, 1]);
});

test("whatever is done, every box stays within its picture, in order, in whole pixels, and undo leads back to the start", () => {
  for (let seed = 0; seed < 300; seed += 1) {
    const chance = chances(seed);
    const some = (most) => Math.floor(chance() * most);
    const far = () => chance() * 400 - 150;
    let editor = editing.begin(EXAMPLE);
    const acts = [
      () => editing.add(editor, [far(), far(), far(), far()], some(4)), () => editing.remove(editor), () => editing.turn(editor, chance() < 0.5 ? 1 : -1),
      () => editing.nudge(editor, far(), far()), () => editing.grow(editor, far(), far()), () => editing.classify(editor, some(5)),
      () => editing.dragged(editor, { handle: ["n", "se", "w", null][some(4)], from: { x: far(), y: far() }, to: { x: far(), y: far() } }),
      () => editing.clear(editor), () => editing.reset(editor), () => editing.undo(editor), () => editing.redo(editor), () => editing.addInTheMiddle(editor),
    ];
    for (let time = 0; time < 40; time += 1) {
      editor = acts[some(acts.length)]();
      for (const box of boxes(editor)) assert.ok(isGood(box), `seed ${seed}: ${box}`);
      assert.ok(editor.chosen === null || editing.chosenBox(editor), `seed ${seed}: what is chosen is there`);
      assert.equal(new Set(editor.boxes.map(({ id }) => id)).size, editor.boxes.length, `seed ${seed}: ids`);
    }
    const end = editor.boxes;
    let steps = 0;
    while (editor.past.length) {
      editor = editing.undo(editor);
      steps += 1;
    }
    assert.ok(same(editor.boxes, editor.first), `seed ${seed}: undone to the start`);
    while (steps--) editor = editing.redo(editor);
    assert.deepEqual(editor.boxes, end, `seed ${seed}: redone to the end`);
  }
});

test("a moved box keeps its size at the edge", () => {
  assert.deepEqual(moved([10, 10, 30, 40], 500, -500, SIZE), [80, 0, 100, 30]);
});

test("a box at the edge is never thinner than a person can grab", () => {
  assert.deepEqual(tidy([200, 200, 300, 300], SIZE), [97, 77, 100, 80]);
  assert.deepEqual(pulled([10, 10, 30, 40], "e", { x: 10, y: 0 }, SIZE), [10, 10, 13, 40]);
});

test("two labels are the same in whatever order their boxes come", () => {
  const [one, other] = [{ box: [1, 2, 8, 9], class: 1 }, { box: [4, 4, 9, 9], class: 0 }];
  assert.ok(same([one, other], [other, one]));
  assert.ok(!same([one], [{ ...one, class: 2 }]));
});
