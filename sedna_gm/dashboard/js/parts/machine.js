// Draws the states of a job: large on its page, where the marker moves as the job does, and small in a list.

import { PHASES, STAGES, layout, passed, position, standing } from "../logic/machine.js";
import { isPaused } from "../logic/jobs.js";
import { h } from "./tree.js";

/** The whole machine; `wide` chooses a row or a column. */
export function machine(job, wide) {
  const { width, height, stages, paths, back } = layout(wide);
  const now = position(job);
  const held = isPaused(job) || Boolean(job.status?.paused);
  const marker = stages.find(({ name }) => name === now.stage).dots.find(({ phase }) => phase === now.phase);
  const tone = now.phase === "Failed" ? "bad" : held ? "held" : now.phase === "Waiting" ? "plain" : "moving";
  return h(
    "svg",
    { class: "machine", viewBox: `0 0 ${width} ${height}`, role: "img", "data-tone": tone, "aria-label": `${now.stage}: ${now.phase}${held ? ", paused" : ""}. Stages are Train, Eval, Deploy, and again.` },
    [
      paths.map((path, place) => h("path", { key: `p${place}`, class: "way", d: path })),
      h("path", { key: "back", class: "way", d: back }),
      wide ? h("text", { key: "next", class: "phase middle", x: String(width / 2), y: String(height - 1) }, "next round") : null,
      stages.map((stage) => stageOf(job, stage, now)),
      h("g", { key: "marker", class: "marker", style: { transform: `translate(${marker.x}px, ${marker.y}px)` } }, [
        h("circle", { class: "pulse", r: "8" }),
        h("circle", { class: "dot", r: "8" }),
      ]),
    ],
  );
}

function stageOf(job, { name, x, y, width, height, dots }, now) {
  const is = name === now.stage;
  const [first, last] = [dots[0], dots[PHASES.length - 1]];
  const failed = dots.at(-1);
  const running = dots[PHASES.indexOf("Running")];
  return h("g", { key: name, class: is ? "stage now" : "stage" }, [
    h("rect", { class: "box", x: String(x + 0.75), y: String(y + 0.75), width: String(width - 1.5), height: String(height - 1.5), rx: "8" }),
    h("text", { class: "title", x: String(x + 22), y: String(y + 32) }, name),
    is ? h("text", { class: "phase end strong", x: String(x + width - 20), y: String(y + 32) }, now.phase) : null,
    h("path", { class: "rail", d: `M${first.x} ${first.y} H${last.x}` }),
    h("path", { class: "rail faint", d: `M${running.x} ${running.y} V${failed.y}` }),
    dots.map((dot, place) => {
      const how = standing(job, name, dot.phase);
      const beside = dot.phase === "Failed";
      // Names alternate above and below the line, where they have room.
      const away = beside ? 4 : place % 2 ? -14 : 23;
      return h("g", { key: dot.phase, class: `phase-dot ${how}` }, [
        h("circle", { cx: String(dot.x), cy: String(dot.y), r: beside ? "3.5" : "4.5" }),
        h("text", { class: beside ? "phase" : "phase middle", x: String(beside ? dot.x + 10 : dot.x), y: String(dot.y + away) }, dot.phase),
      ]);
    }),
  ]);
}

/** The same in small: three lines that fill as the turn goes on. */
export function smallMachine(job) {
  const now = position(job);
  const done = passed(job);
  return h(
    "div",
    { class: "turn", role: "img", "aria-label": `${now.stage}: ${now.phase}` },
    STAGES.map((stage, place) => {
      const share = Math.max(0, Math.min(1, (done + (now.stage === stage ? 0.5 : 0) - place * PHASES.length) / PHASES.length));
      const how = now.stage !== stage ? "" : now.phase === "Failed" ? "bad" : "now";
      return h("div", { class: `part ${how}`, key: stage }, [
        h("span", {}, stage),
        h("i", {}, h("b", { style: { transform: `scaleX(${now.stage === "Train" && now.phase === "Waiting" ? 0 : share})` } })),
      ]);
    }),
  );
}
