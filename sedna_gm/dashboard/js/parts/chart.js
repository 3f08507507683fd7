// A chart by uPlot, in the page's colours, as wide as its place, drawn anew when data or theme change.

import { number, size } from "../logic/formatting.js";
import { h } from "./tree.js";
import { colour } from "./theming.js";

const STYLES = [
  { stroke: "accent", width: 2 },
  { stroke: "muted", width: 2, dash: [6, 4] },
  { stroke: "warn", width: 2 },
  { stroke: "held", width: 2 },
];
const CLASSES = ["first", "second", "third", "fourth"];

/** `data` as uPlot takes it: x, then one list for each of `names`. `format` says a y value, `x` what a place on the x
 * axis is called; `times` makes x seconds of a clock. The last values stand in the caption. */
export function chart({ key, title, names, data, format = number, x = String, times = false, low = null, high = null }) {
  const last = (list) => list?.findLast((value) => value !== null && value !== undefined);
  return h("figure", { class: "chart", key, "aria-label": described(title, names, data, format) }, [
    h("figcaption", {}, [
      h("h3", {}, title),
      h("span", { class: "keys" }, names.map((name, place) =>
        h("span", { class: CLASSES[place], key: name }, [name, " ", h("b", {}, data[place + 1]?.length ? format(last(data[place + 1])) : "–")]))),
    ]),
    h("div", { class: "plot", opaque: true, "aria-hidden": "true", mount: (place) => mounted(place), "data-chart": remember(key, { names, data, format, x, times, low, high }) }),
  ]);
}

const wishes = new Map();
const drawn = new Map();

function remember(key, wish) {
  wishes.set(key, wish);
  drawn.get(key)?.(wish);
  return key;
}

function mounted(place) {
  const key = place.dataset.chart;
  let plot = null;
  let wish = wishes.get(key);
  const make = () => {
    plot?.destroy();
    plot = place.clientWidth ? new uPlot(options(wish, place), wish.data, place) : null;
  };
  const bring = (next) => {
    const same = plot && next.names.join() === wish.names.join() && next.high === wish.high;
    const changed = JSON.stringify(next.data) !== JSON.stringify(wish.data);
    wish = next;
    if (!same) make();
    else if (changed) plot.setData(wish.data);
  };
  const sized = new ResizeObserver(() => (plot ? plot.setSize({ width: place.clientWidth, height: place.clientHeight }) : make()));
  drawn.set(key, bring);
  sized.observe(place);
  window.addEventListener("sedna-theme", make);
  make();
  return () => {
    sized.disconnect();
    window.removeEventListener("sedna-theme", make);
    plot?.destroy();
    if (drawn.get(key) === bring) drawn.delete(key);
  };
}

function options({ names, data, format, x, times, low, high }, place) {
  const [ink, line] = [colour("muted"), colour("line")];
  const font = "12px Plex, system-ui, sans-serif";
  const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  const few = data[0].length < 40 && !times;
  // One round alone has no line: its points are all there is to see, the second one hollow, as its line is dashed.
  const dot = data[0].length === 1 ? 12 : 6;
  const across = times ? { values: (_plot, places) => places.map(clock) } : { incrs: [1, 2, 5, 10, 20, 50, 100, 500, 1000], values: (_plot, places) => places.map((one) => x(one)) };
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    padding: [10, 14, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { x: { time: times }, y: { range: (_plot, from, to) => span(from, to, low, high) } },
    axes: [
      { ...axis, ...across, space: 64, grid: { show: false }, size: 28 },
      { ...axis, size: 62, ...(format === size ? { incrs: DOUBLES } : {}), values: (_plot, places, _axis, _space, step) => places.map((one) => (format === number ? even(one, step) : format(one))) },
    ],
    series: [
      {},
      ...names.map((name, index) => {
        const style = STYLES[index % STYLES.length];
        return { label: name, ...style, stroke: colour(style.stroke), spanGaps: true, points: { show: few, size: dot, width: 2, fill: colour(style.dash ? "ground" : style.stroke) } };
      }),
    ],
  };
}

// Steps of an axis of bytes: each twice the one before.
const DOUBLES = Array.from({ length: 42 }, (_, power) => 2 ** power);
const clock = (second) => new Date(second * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

// As many digits as the steps of the axis have.
const even = (value, step) => value.toFixed(Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9))));

function span(from, to, low, high) {
  if (from === null || to === null) return [low ?? 0, high ?? 1];
  const room = Math.max((to - from) * 0.12, Math.abs(to) * 0.01, 1e-6);
  return [low ?? from - room, high ?? to + room];
}

function described(title, names, data, format) {
  const parts = names.map((name, place) => {
    const there = (data[place + 1] ?? []).filter((value) => value !== null && value !== undefined);
    return there.length ? `${name} from ${format(there[0])} to ${format(there.at(-1))}` : `${name}: nothing yet`;
  });
  return `${title}: ${parts.join("; ")}`;
}
