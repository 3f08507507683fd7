// The picture with its boxes: choose, drag, pull by a handle, draw a new one. What a drag means is in logic/labelling.

import { HANDLES } from "../logic/boxes.js";
import { className, colourOf } from "../logic/examples.js";
import { add, asDrawn, choose, chosenBox, dragged } from "../logic/labelling.js";
import { h } from "./tree.js";

const DOT_PX = 5;
const TOUCH_PX = 15;
const TEXT_PX = 13;
// Handles of a smaller box lie outside of it, and only at its corners: else they would hide it.
const SMALL_PX = 44;
const ASIDE_PX = 8;
// Less than this is a click and no drag.
const SLACK_PX = 4;

/** `get` and `set` are the editor's; `children` lie below the boxes; `theirs` are boxes of somebody else, to compare. */
export function canvas({ get, set, children, classes, zoom, readOnly, theirs = null, label }) {
  const editor = get();
  const { width, height } = editor.size;
  // Pixels of the picture that one of the screen shows.
  const unit = width / (shownWidth || width);
  return h("div", { class: "stage", style: { "aspect-ratio": `${width} / ${height}`, "--zoom": String(zoom) } }, [
    children,
    h("svg", {
      class: readOnly ? "boxes still" : "boxes", viewBox: `0 0 ${width} ${height}`, tabindex: "0", role: "application",
      "aria-label": label, "aria-roledescription": "picture with boxes",
      mount: (node) => measured(node, () => set(get())),
      on: readOnly ? {} : { pointerdown: (event) => grab(event, get, set) },
    }, [
      asDrawn(editor.boxes).map((one) => box(one, one.id === editor.chosen, classes, editor.size, unit)),
      theirs ? theirs.map((one, place) => h("rect", { key: `theirs${place}`, class: "theirs", ...sides(one.box) })) : null,
      readOnly ? null : handles(chosenBox(editor), unit),
    ]),
  ]);
}

let shownWidth = 0;

function measured(svg, changed) {
  const seen = new ResizeObserver(() => {
    if (svg.clientWidth === shownWidth) return;
    shownWidth = svg.clientWidth;
    changed();
  });
  seen.observe(svg);
  return () => seen.disconnect();
}

const sides = ([x0, y0, x1, y1]) => ({ x: String(x0), y: String(y0), width: String(Math.max(0, x1 - x0)), height: String(Math.max(0, y1 - y0)) });

function box(one, chosen, classes, size, unit) {
  const colour = colourOf(one.class);
  const above = one.box[1] > 2.5 * TEXT_PX * unit;
  const words = `${className(classes, one.class)}${one.score === null ? "" : ` ${Math.round(one.score * 100)} %`}`;
  return h("g", { key: `box${one.id}`, class: chosen ? "box chosen" : "box", "data-box": String(one.id) }, [
    h("rect", { class: "dark", ...sides(one.box) }),
    h("rect", { class: "line", ...sides(one.box), style: { stroke: colour } }),
    chosen ? h("text", { x: String(one.box[0]), y: String(above ? one.box[1] : one.box[3]), dy: above ? "-0.9em" : "1.7em", style: { fill: colour, "font-size": `${TEXT_PX * unit}px`, "stroke-width": `${3 * unit}px` } }, words) : null,
  ]);
}

function handles(chosen, unit) {
  if (!chosen) return null;
  const [x0, y0, x1, y1] = chosen.box;
  const small = Math.min(x1 - x0, y1 - y0) < SMALL_PX * unit;
  const aside = small ? ASIDE_PX * unit : 0;
  const across = { w: x0 - aside, e: x1 + aside };
  const down = { n: y0 - aside, s: y1 + aside };
  return Object.keys(HANDLES).filter((name) => !small || name.length === 2).map((name) => {
    const x = across[name.at(-1)] ?? (x0 + x1) / 2;
    const y = down[name[0]] ?? (y0 + y1) / 2;
    const circle = (kind, pixels) => h("circle", { class: kind, cx: String(x), cy: String(y), r: String(pixels * unit) });
    return h("g", { key: `handle ${name}`, class: `handle ${name}`, "data-handle": name }, [circle("touch", small ? ASIDE_PX : TOUCH_PX), circle("dot", DOT_PX)]);
  });
}

function grab(event, get, set) {
  if (event.button !== 0 || !event.isPrimary) return;
  const svg = event.currentTarget;
  const from = pointOf(event, svg, get().size);
  const handle = event.target.closest("[data-handle]")?.dataset.handle ?? null;
  const id = event.target.closest("[data-box]")?.dataset.box;
  if (!handle && id !== undefined) set(choose(get(), Number(id)));
  const before = get();
  const draws = !handle && id === undefined;
  let began = false;
  svg.setPointerCapture(event.pointerId);
  svg.focus({ preventScroll: true });
  event.preventDefault();

  const move = (next) => {
    if (!began && Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY) < SLACK_PX) return;
    began = true;
    const to = pointOf(next, svg, before.size);
    set(draws ? add(before, [from.x, from.y, to.x, to.y]) : dragged(before, { handle, from, to }));
  };
  const end = (last) => {
    for (const [type, work] of listeners) svg.removeEventListener(type, work);
    if (last.type === "pointercancel") set(before);
    // A click beside all boxes lets go of the chosen one.
    else if (draws && !began) set(choose(before, null));
  };
  const listeners = [["pointermove", move], ["pointerup", end], ["pointercancel", end]];
  for (const [type, work] of listeners) svg.addEventListener(type, work);
}

function pointOf(event, svg, size) {
  const place = svg.getBoundingClientRect();
  return { x: ((event.clientX - place.left) / place.width) * size.width, y: ((event.clientY - place.top) / place.height) * size.height };
}
