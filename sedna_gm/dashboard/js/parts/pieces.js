// Small things that many views show alike.

import { h } from "./tree.js";
import { ago, moment } from "../logic/formatting.js";

/** A state: a shape in the tone's colour, and its word. Tones: good, moving, warn, bad, held, plain. */
export const state = (tone, word) => h("span", { class: "state", "data-tone": tone }, word);

/** A time as people read it, with the exact one behind it. */
export function time(text, { exact = false } = {}) {
  if (!text) return "–";
  const now = Date.now();
  return h("time", { datetime: text, title: new Date(text).toLocaleString("en-GB") }, exact ? moment(text, now) : ago(text, now));
}

/** Terms and what they are; rows whose value is null or undefined are left out. */
export function facts(rows) {
  const there = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, there.map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]));
}

/** A panel with a head and a body. */
export function panel(title, body, { tools = null, tight = false, id = null, label = null } = {}) {
  return h("section", { class: "panel", "aria-label": label ?? title, id, key: id ?? `panel ${title}` }, [
    h("div", { class: "head" }, [h("h2", {}, title), tools]),
    h("div", { class: tight ? "body tight" : "body" }, body),
  ]);
}

/** In the place of what is not there: why, and what to do. */
export const empty = (sentence, action = null) => h("div", { class: "empty" }, [h("p", {}, sentence), action]);

/** In the place of what an address did not give. */
export function missing(error, what) {
  const absent = error.code === 404 || error.code === 405;
  return empty(absent ? `${what} is not told by this GlobalManager.` : `${what}: ${error.message}`);
}

/** How far towards what begins a round. `needed` is the first count that is enough. */
export function meter(part, label) {
  const { has, needed, sentence } = part;
  const share = needed ? Math.min(1, has / needed) : 1;
  const cells = needed && needed <= 40;
  return h("div", { class: "meter" }, [
    h("div", { class: "words" }, [
      h("span", {}, [h("b", {}, String(has)), needed ? ` of ${needed} new samples` : " new samples"]),
      h("span", { class: "muted" }, sentence),
    ]),
    h(
      "div",
      {
        class: cells ? "track" : "bar", role: "progressbar", "aria-label": label, "aria-valuemin": "0",
        "aria-valuemax": String(needed || 1), "aria-valuenow": String(Math.min(has, needed || 1)),
        "aria-valuetext": needed ? `${has} of ${needed} samples` : `${has} samples`,
      },
      cells
        ? Array.from({ length: needed }, (_, place) => h("i", { class: place < has ? "on" : null }))
        : h("i", { style: { transform: `scaleX(${share})` } }),
    ),
  ]);
}

/** A button. */
export function button(text, run, { kind = "", disabled = false, title = null, label = null, key } = {}) {
  return h(
    "button",
    { class: `button ${kind}`.trim(), type: "button", disabled, title, "aria-label": label, key, on: { click: run } },
    text,
  );
}
