// What a watch tells, taken into a map of resources by key. Pure.

/** A resource's key: its namespace, if it has one, and its name. */
export function keyOf({ metadata }) {
  return metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name;
}

/** Takes one event of a watch in; tells whether anything has changed. A version that is older than what is there, such
 * as one that a second list has overtaken, is left alone. */
export function took(items, type, object) {
  if (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED") return false;
  const key = keyOf(object);
  const before = items.get(key);
  if (before && version(before) > version(object)) return false;
  if (type === "DELETED") return items.delete(key);
  items.set(key, object);
  return before === undefined || version(before) !== version(object);
}

const version = (object) => Number(object.metadata.resourceVersion ?? 0);
