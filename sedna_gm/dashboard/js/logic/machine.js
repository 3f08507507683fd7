// The states of a job and where they are drawn: three stages in a row, or one below the other where it is narrow, each
// with its phases on a line. Pure; the moves themselves are the GlobalManager's (sedna.api.stages).

export const STAGES = ["Train", "Eval", "Deploy"];
export const PHASES = ["Waiting", "Ready", "Starting", "Running", "Completed"];

const MEASURES = { stage: 236, gap: 24, height: 144, left: 34, step: 40, line: 74, failed: 118 };

/** Where everything is: `{width, height, stages: [{name, x, y, width, height, dots: [{phase, x, y}]}], paths, back}`. */
export function layout(wide) {
  const { stage, gap, height, left, step, line, failed } = MEASURES;
  const stages = STAGES.map((name, place) => {
    const x = wide ? place * (stage + gap) : 0;
    const y = wide ? 0 : place * (height + gap);
    const dots = PHASES.map((phase, index) => ({ phase, x: x + left + step * index, y: y + line }));
    dots.push({ phase: "Failed", x: x + left + step * 3, y: y + failed });
    return { name, x, y, width: stage, height, dots };
  });
  const width = wide ? 3 * stage + 2 * gap : stage + 40;
  const bottom = wide ? height : 3 * height + 2 * gap;
  const paths = [0, 1].map((place) => between(stages[place], stages[place + 1], wide));
  return { width, height: wide ? bottom + 40 : bottom, stages, paths, back: back(stages, wide, bottom) };
}

function between(before, after, wide) {
  if (wide) return `M${before.x + before.width} ${before.y + MEASURES.line} H${after.x}`;
  return `M${before.x + before.width / 2} ${before.y + before.height} V${after.y}`;
}

function back(stages, wide, bottom) {
  const [first, , last] = stages;
  if (wide) {
    const from = last.x + last.width / 2;
    const to = first.x + first.width / 2;
    return `M${from} ${bottom} v14 a10 10 0 0 1 -10 10 H${to + 10} a10 10 0 0 1 -10 -10 V${bottom}`;
  }
  const right = first.x + first.width;
  const [from, to] = [last.y + last.height / 2, first.y + first.height / 2];
  return `M${right} ${from} h14 a10 10 0 0 0 10 -10 V${to + 10} a10 10 0 0 0 -10 -10 H${right}`;
}

/** Where a job stands; a job that nobody has looked at yet waits for its first training. */
export function position(job) {
  const { stage = "Train", phase = "Waiting" } = job?.status ?? {};
  return { stage, phase };
}

/** Of a phase of a stage: `now`, `done` (passed in this turn), or `ahead`. */
export function standing(job, stage, phase) {
  const now = position(job);
  const [here, there] = [STAGES.indexOf(now.stage), STAGES.indexOf(stage)];
  if (stage === now.stage && phase === now.phase) return "now";
  if (phase === "Failed") return "ahead";
  if (there < here) return "done";
  if (there > here) return "ahead";
  const reached = now.phase === "Failed" ? PHASES.indexOf("Running") : PHASES.indexOf(now.phase);
  return PHASES.indexOf(phase) < reached ? "done" : "ahead";
}

/** How far through the turn a job is: how many phases of all stages lie behind it. */
export function passed(job) {
  const { stage, phase } = position(job);
  const place = Math.max(0, PHASES.indexOf(phase === "Failed" ? "Running" : phase));
  return STAGES.indexOf(stage) * PHASES.length + place;
}
