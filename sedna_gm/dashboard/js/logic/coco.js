// Labels that come back from another tool as COCO: what to ask before, in which parts to send them, and what became of
// each picture. Pure.

import { count } from "./formatting.js";

// Each picture takes its node a question: so many are answered well within the time that a request has.
const AT_ONCE = 100;
const UNTOUCHED = 304;

/** The document of a file; null where it is none, which the server says better. */
export function documentOf(text) {
  try {
    const document = JSON.parse(text);
    return Array.isArray(document?.images) ? document : null;
  } catch {
    return null;
  }
}

/** The title and sentences of the question before anything is sent. */
export function questionOf(name, document) {
  const what = document ? `What it says of ${count(document.images.length, "picture")} becomes labels` : "What it says of pictures becomes labels";
  return [`Import ${name}?`, [`${what} and samples of the dataset, which nothing takes back.`, "What still has only the exported prediction is left out."]];
}

/** The bodies to send one after the other: some pictures each, with their boxes; the text itself where it makes no sense. */
export function bodiesOf(text, document, most = AT_ONCE) {
  const { images, annotations } = document ?? {};
  const isObject = (one) => one !== null && typeof one === "object";
  if (!images?.length || !Array.isArray(annotations) || ![...images, ...annotations].every(isObject)) return [text];
  const known = new Set(images.map(({ id }) => id));
  // A box of no picture is for the server to tell, before anything is taken.
  if (images.length <= most || !annotations.every(({ image_id: id }) => known.has(id))) return [text];
  const boxes = new Map(images.map(({ id }) => [id, []]));
  for (const one of annotations) boxes.get(one.image_id).push(one);
  const parts = [];
  for (let start = 0; start < images.length; start += most) {
    const some = images.slice(start, start + most);
    parts.push(JSON.stringify({ ...document, images: some, annotations: some.flatMap(({ id }) => boxes.get(id)) }));
  }
  return parts;
}

/** What became of the pictures; of those that were refused, the first one says why. */
export function outcomeOf(results) {
  const many = (wanted) => results.filter(({ code }) => wanted(code)).length;
  const said = [
    [many((code) => code === 201), "labelled"],
    [many((code) => code === 200), "labelled before"],
    [many((code) => code === UNTOUCHED), "left out: still the exported prediction, which nobody has confirmed"],
    [many((code) => code >= 400), "refused"],
  ].filter(([number]) => number);
  const refused = results.find(({ code }) => code >= 400);
  const told = said.map(([number, words]) => `${number} ${words}`).join("; ");
  return `${told || "There was no picture"}.${refused ? ` ${refused.example}: ${refused.message}` : ""}`;
}
