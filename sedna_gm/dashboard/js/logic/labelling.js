// The editing of one label: boxes, which of them is chosen, and the way back. Each function takes an editor and gives
// the next one; nothing is changed in place. Pure.

import { area, moved, pulled, same, tidy } from "./boxes.js";

const MOST_STEPS = 200;

/** An editor of an example, which begins with its label, else with what the model predicted. */
export function begin({ width, height, boxes, label }, kind = 0) {
  const size = { width, height };
  const from = label ? label.boxes : boxes;
  const given = (from ?? []).map((one, place) => ({ id: place, box: tidy(one.box, size), class: one.class ?? 0, score: one.score ?? null }));
  return { size, boxes: given, first: given, chosen: null, kind: given[0]?.class ?? kind, next: given.length, past: [], future: [], last: null };
}

/** Takes a step that can be gone back. Steps of the same `name`, such as a box moved pixel by pixel, are one. */
function step(editor, boxes, more = {}, name = null) {
  const joined = name !== null && name === editor.last;
  const past = joined ? editor.past : [...editor.past, editor.boxes].slice(-MOST_STEPS);
  return { ...editor, boxes, past, future: [], last: name, ...more };
}

export const chosenBox = (editor) => editor.boxes.find(({ id }) => id === editor.chosen) ?? null;

export function choose(editor, id) {
  const box = editor.boxes.find((one) => one.id === id);
  return { ...editor, chosen: box ? id : null, kind: box ? box.class : editor.kind, last: null };
}

/** The next box, or the one before, in reading order. */
export function turn(editor, by) {
  if (!editor.boxes.length) return editor;
  const order = inOrder(editor.boxes);
  const place = order.findIndex(({ id }) => id === editor.chosen);
  const next = place < 0 ? (by > 0 ? 0 : order.length - 1) : (place + by + order.length) % order.length;
  return choose(editor, order[next].id);
}

/** From top to bottom, then from left to right. */
export const inOrder = (boxes) => [...boxes].sort((one, other) => one.box[1] - other.box[1] || one.box[0] - other.box[0] || one.id - other.id);

/** The largest first: the small ones lie on top, where they can be reached. */
export const asDrawn = (boxes) => [...boxes].sort((one, other) => area(other.box) - area(one.box) || one.id - other.id);

export function add(editor, box, kind = editor.kind) {
  const made = { id: editor.next, box: tidy(box, editor.size), class: kind, score: null };
  return step(editor, [...editor.boxes, made], { chosen: made.id, next: editor.next + 1, kind });
}

/** A new box in the middle, for who has no mouse. */
export function addInTheMiddle(editor) {
  const { width, height } = editor.size;
  const [x, y] = [width * 0.4, height * 0.4];
  return add(editor, [x, y, width - x, height - y]);
}

export function remove(editor, id = editor.chosen) {
  if (!editor.boxes.some((one) => one.id === id)) return editor;
  const order = inOrder(editor.boxes);
  const place = order.findIndex((one) => one.id === id);
  const rest = editor.boxes.filter((one) => one.id !== id);
  const neighbour = order[place + 1] ?? order[place - 1];
  return step(editor, rest, { chosen: neighbour ? neighbour.id : null });
}

export const clear = (editor) => (editor.boxes.length ? step(editor, [], { chosen: null }) : editor);

/** As the model predicted, or as it was labelled. */
export const reset = (editor) => (same(editor.boxes, editor.first) ? editor : step(editor, editor.first, { chosen: null }));

/** Gives the chosen box a class; without one, says what the next box will be. */
export function classify(editor, kind) {
  const box = chosenBox(editor);
  if (!box) return { ...editor, kind, last: null };
  return box.class === kind ? { ...editor, kind } : step(editor, changed(editor, { class: kind }), { kind });
}

function changed(editor, values) {
  return editor.boxes.map((one) => (one.id === editor.chosen ? { ...one, score: null, ...values } : one));
}

/** Moves the chosen box by so many pixels. */
export function nudge(editor, dx, dy) {
  const box = chosenBox(editor);
  return box ? step(editor, changed(editor, { box: moved(box.box, dx, dy, editor.size) }), {}, `move ${box.id}`) : editor;
}

/** Moves the right and the lower side of the chosen box. */
export function grow(editor, dx, dy) {
  const box = chosenBox(editor);
  if (!box) return editor;
  const [x0, y0, x1, y1] = box.box;
  const next = tidy([x0, y0, Math.max(x0 + 3, x1 + dx), Math.max(y0 + 3, y1 + dy)], editor.size);
  return step(editor, changed(editor, { box: next }), {}, `grow ${box.id}`);
}

/** While something is dragged: from the editor as it was when that began, so that all of it is one step. */
export function dragged(before, { handle, from, to }) {
  const box = chosenBox(before);
  if (!box) return before;
  const next = handle ? pulled(box.box, handle, to, before.size) : moved(box.box, to.x - from.x, to.y - from.y, before.size);
  return step(before, changed(before, { box: next }));
}

export function undo(editor) {
  if (!editor.past.length) return editor;
  return gone(editor, editor.past.at(-1), { past: editor.past.slice(0, -1), future: [editor.boxes, ...editor.future] });
}

export function redo(editor) {
  if (!editor.future.length) return editor;
  return gone(editor, editor.future[0], { past: [...editor.past, editor.boxes], future: editor.future.slice(1) });
}

function gone(editor, boxes, more) {
  const stays = boxes.some(({ id }) => id === editor.chosen);
  return { ...editor, ...more, boxes, chosen: stays ? editor.chosen : null, last: null };
}

/** What is sent. */
export const labelOf = (editor) => inOrder(editor.boxes).map((one) => ({ box: one.box, class: one.class }));

/** Whether anything differs from what the editor began with. */
export const isChanged = (editor) => !same(editor.boxes, editor.first);
