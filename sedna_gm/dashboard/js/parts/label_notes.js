// Above the picture: that it has a label already, or that somebody else was faster.

import { count } from "../logic/formatting.js";
import { button, time } from "./pieces.js";
import { h } from "./tree.js";

export function labelledNote({ label }, onwards) {
  return h("div", { class: "note with-button", key: "labelled" }, [
    h("p", {}, ["Labelled", label.by ? ` by ${label.by}` : "", label.time ? [", ", time(label.time)] : "", ". It is a sample of the dataset now and stays as it is."]),
    button("The next one without a label", onwards),
  ]);
}

export function conflictNote({ label, message }, take, stay) {
  return h("div", { class: "note with-button", "data-tone": "warn", role: "alert", key: "conflict" }, [
    h("p", {}, label
      ? [`${label.by ? `${label.by} has` : "Somebody else has"} labelled this one meanwhile, with ${count(label.boxes.length, "box", "boxes")} (dashed). It was appended to the dataset and cannot be put in its place.`]
      : message),
    h("div", { class: "buttons" }, [label ? button("Take theirs, and on", take, { kind: "main" }) : null, button("Look at it first", stay)]),
  ]);
}
