// Hard examples as a list that grows page by page. Pure.

/** Brings a page to what there is: each example once, with what was told of it last. */
export function taken(items, page) {
  const fresh = new Map(page.map((item) => [item.name, item]));
  const kept = items.map((item) => fresh.get(item.name) ?? item);
  const known = new Set(items.map(({ name }) => name));
  return [...kept, ...page.filter(({ name }) => !known.has(name))];
}

/** The nearest example in a direction, from `name`; with `open`, only such as nobody has labelled. */
export function neighbour(items, name, by, open = false) {
  const place = items.findIndex((item) => item.name === name);
  for (let next = place + by; next >= 0 && next < items.length; next += by) {
    if (!open || !items[next].label) return items[next];
  }
  return null;
}

/** The colour of a class: light ones, that are seen on photographs, drawn over a dark line. */
export const COLOURS = ["#ffd23f", "#4cc9f0", "#7ae582", "#ff7b72", "#d0a2ff", "#ffa552", "#9be7ff", "#ff8fd0", "#e9ff70"];
export const colourOf = (kind) => COLOURS[(((kind ?? 0) % COLOURS.length) + COLOURS.length) % COLOURS.length];

/** The name of a class; a number that has none is its own. */
export const className = (classes, kind) => (kind === null || kind === undefined ? "?" : (classes?.[kind] ?? `class ${kind}`));

/** The label that somebody else has saved meanwhile, out of a refusal (409); null where the refusal is another one. */
export function theirs(status) {
  const label = status?.details?.label ?? null;
  return label && Array.isArray(label.boxes) ? label : null;
}
