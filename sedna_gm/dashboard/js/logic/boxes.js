// Arithmetic on boxes [x0, y0, x1, y1] in pixels of a picture. Pure.

export const LEAST = 3;
/** Handles, as which sides they move: 0 left, 1 top, 2 right, 3 bottom. */
export const HANDLES = { nw: [0, 1], n: [1], ne: [2, 1], e: [2], se: [2, 3], s: [3], sw: [0, 3], w: [0] };

const within = (value, most) => Math.max(0, Math.min(most, value));

/** The same box inside of the picture, corners in order, no side shorter than LEAST, whole pixels. */
export function tidy([x0, y0, x1, y1], { width, height }) {
  const [left, right] = sides(x0, x1, width);
  const [top, bottom] = sides(y0, y1, height);
  return [left, top, right, bottom];
}

function sides(one, other, most) {
  let low = Math.round(within(Math.min(one, other), most));
  const high = Math.round(within(Math.max(one, other), most));
  if (high - low >= LEAST) return [low, high];
  low = Math.max(0, Math.min(low, most - LEAST));
  return [low, Math.min(most, low + LEAST)];
}

/** Moved by so much, as far as the picture goes, its size kept. */
export function moved([x0, y0, x1, y1], dx, dy, { width, height }) {
  const x = Math.round(Math.max(-x0, Math.min(dx, width - x1)));
  const y = Math.round(Math.max(-y0, Math.min(dy, height - y1)));
  return [x0 + x, y0 + y, x1 + x, y1 + y];
}

/** One of its handles pulled to a point; pulled over the other side it turns over. */
export function pulled(box, handle, { x, y }, size) {
  const next = [...box];
  for (const side of HANDLES[handle]) next[side] = side % 2 ? y : x;
  return tidy(next, size);
}

export const area = ([x0, y0, x1, y1]) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);

/** Whether two labels say the same: the same boxes with the same classes, in whatever order. */
export function same(ones, others) {
  const key = (boxes) => boxes.map((one) => [...one.box.map(Math.round), one.class ?? 0].join()).sort().join(" ");
  return key(ones) === key(others);
}
