// What a worker tells of its progress, as lines of charts. Pure.

/** How far it is, 0 to 1; null where nothing says how much there is. */
export function shareOf({ done, total }) {
  return typeof done === "number" && total > 0 ? Math.max(0, Math.min(1, done / total)) : null;
}

/** `[{name, data: [done, values]}]` of each metric in the curve, losses first. */
export function curves({ curve = [] }) {
  const names = [...new Set(curve.flatMap(([, metrics]) => Object.keys(metrics ?? {})))];
  names.sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
  return names.map((name) => ({
    name,
    data: [curve.map(([done]) => done), curve.map(([, metrics]) => (Number.isFinite(metrics?.[name]) ? metrics[name] : null))],
  }));
}

const rank = (name) => (name === "loss" ? 0 : name.includes("loss") ? 1 : 2);
