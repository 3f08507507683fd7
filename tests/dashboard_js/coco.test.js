// Labels of other tools: nothing is lost on the way, and nothing is promised that did not happen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bodiesOf, documentOf, outcomeOf, questionOf } from "../../sedna_gm/dashboard/js/logic/coco.js";

function document(pictures) {
  const images = Array.from({ length: pictures }, (_, place) => ({ id: place + 1, file_name: `${place}.jpg` }));
  const annotations = images.flatMap(({ id }) => [{ image_id: id, bbox: [1, 1, 2, 2] }, { image_id: id, bbox: [3, 3, 2, 2] }]).reverse();
  return { images, annotations, categories: [{ id: 1, name: "helmet" }] };
}

test("a large document goes in parts, each picture once and with all of its boxes", () => {
  const whole = document(25);
  const parts = bodiesOf(JSON.stringify(whole), whole, 10).map((body) => JSON.parse(body));
  assert.deepEqual(parts.map(({ images }) => images.length), [10, 10, 5]);
  assert.deepEqual(parts.flatMap(({ images }) => images), whole.images);
  assert.equal(parts.flatMap(({ annotations }) => annotations).length, whole.annotations.length);
  for (const { images, annotations, categories } of parts) {
    assert.deepEqual(new Set(annotations.map((one) => one.image_id)), new Set(images.map(({ id }) => id)));
    assert.deepEqual(categories, whole.categories);
  }
});

for (const [what, text] of [
  ["no JSON", "{"], ["no object", "[]"], ["null", "null"], ["no images", "{}"], ["no picture", '{"images": [], "annotations": []}'],
  ["no annotations", '{"images": [{"id": 1}]}'], ["a picture that is none", '{"images": [null], "annotations": []}'],
]) {
  test(`a file with ${what} goes as it is, and the server says what is wrong`, () => assert.deepEqual(bodiesOf(text, documentOf(text), 1), [text]));
}

test("a box of no picture is told before anything is taken", () => {
  const whole = document(3);
  whole.annotations.push({ image_id: 99, bbox: [1, 1, 2, 2] });
  const text = JSON.stringify(whole);
  assert.deepEqual(bodiesOf(text, whole, 2), [text]);
});

test("the question says how many pictures become labels", () => {
  assert.equal(questionOf("a.json", document(1))[1][0], "What it says of 1 picture becomes labels and samples of the dataset, which nothing takes back.");
  assert.match(questionOf("a.json", document(3))[1][0], /of 3 pictures becomes/);
  assert.match(questionOf("a.json", null)[1][0], /^What it says of pictures becomes/);
});

test("the outcome counts what was taken, was there before, was left out and was refused", () => {
  const results = [201, 201, 200, 304, 409].map((code, place) => ({ example: `e${place}`, code, message: `m${place}` }));
  assert.equal(outcomeOf(results), "2 labelled; 1 labelled before; 1 left out: still the exported prediction, which nobody has confirmed; 1 refused. e4: m4");
  assert.equal(outcomeOf([{ example: "a", code: 201, message: "" }]), "1 labelled.");
  assert.equal(outcomeOf([]), "There was no picture.");
});
