// What the resources of a job say, put into words and numbers that views show. Pure.

import { difference, metric, number } from "./formatting.js";

export const PAUSED = "sedna.io/paused";
export const TRIGGER = "sedna.io/trigger";
export const ROLLBACK = "sedna.io/rollback";

/** Whether somebody has paused it through the API; its units on a host may be stopped besides (`status.paused`). */
export const isPaused = (job) => job.metadata.annotations?.[PAUSED] === "true";

/** The tone and the word of what a job does. */
export function standingOf(job) {
  const status = job.status ?? {};
  if (isPaused(job) || status.paused) return ["held", "Paused"];
  if (status.gaveUpAt) return ["bad", "Gave up"];
  if (status.phase === "Failed") return ["bad", `${status.stage} failed`];
  if (!status.stage) return ["plain", "New"];
  if (status.stage === "Train" && status.phase === "Waiting") return [status.failures ? "warn" : "plain", "Waiting"];
  return ["moving", `${status.stage} ${status.phase.toLowerCase()}`];
}

const NAMES = { gt: ">", ge: ">=", eq: "==", ne: "!=", le: "<=", lt: "<", "=": "==" };

/** The first whole number of samples for which a condition holds; null where samples do not decide. */
export function needed(condition) {
  if (!condition || condition.metric !== "num_of_samples") return null;
  const sign = NAMES[condition.operator] ?? condition.operator;
  const { threshold } = condition;
  if (sign === ">") return Math.max(0, Math.floor(threshold) + 1);
  if (sign === ">=" || sign === "==") return Math.max(0, Math.ceil(threshold));
  return null;
}

/** How far the samples are towards the next round: what `parts/pieces.js` draws as a meter. */
export function towardsTrigger(job) {
  const trigger = job.spec?.trainSpec?.trigger ?? {};
  const status = job.status ?? {};
  const has = status.samples?.new ?? 0;
  const wanted = needed(trigger.condition);
  const waits = status.stage === "Train" && status.phase === "Waiting";
  let sentence = "";
  if (wanted === null) sentence = trigger.timer ? "a window of the day begins a round" : "";
  // Enough, and yet it waits: for its window, or for a sample to evaluate on. Its own sentence says which.
  else if (has >= wanted) sentence = waits ? (status.message ?? "enough for a round") : "a round is under way";
  else sentence = `${wanted - has} more begin a round`;
  return { has, needed: wanted, sentence };
}

/** The window of the day in words, or empty. */
export function windowOf(trigger) {
  const timer = trigger?.timer;
  return timer ? `${timer.start}–${timer.end}${timer.timezone ? ` ${timer.timezone}` : ", the data node's clock"}` : "";
}

/** The metrics of a version as numbers by name. */
export const metricsOf = (version) =>
  Object.fromEntries((version?.metrics ?? []).map(({ key, value }) => [key, metric(value)]));

/** The last judged model and the one before: `[{name, value, delta}]`, from the versions a job keeps. */
export function lastMetrics(job) {
  const versions = job.status?.versions ?? [];
  const judged = versions.filter((version) => version.metrics?.length);
  const [now, before] = [metricsOf(judged[0]), metricsOf(judged[1])];
  return Object.entries(now).map(([name, value]) => ({ name, value, delta: name in before ? value - before[name] : null }));
}

/** The same as text: precision 0.765 (+0.057). */
export const metricText = ({ name, value, delta }) =>
  `${name} ${number(value)}${delta === null ? "" : ` (${difference(delta)})`}`;

/** The metric that the deployment's trigger looks at, without what it does with it; else the first that there is. */
export function leading(job, names) {
  const asked = job.spec?.deploySpec?.trigger?.condition?.metric ?? "";
  const name = asked.replace(/\[\d+\]/, "").replace(/_delta$/, "");
  return names.includes(name) ? name : names[0];
}

/** Workers of a job, by uid so that one of the same name that was deleted does not count. */
export function workersOf(job, workers) {
  return [...workers].filter((worker) => worker.spec?.job?.uid === job.metadata.uid);
}

const WORKER_TONES = { Running: "moving", Starting: "moving", Succeeded: "good", Failed: "bad", Paused: "held", Pending: "plain" };

/** The tone and word of a worker. */
export function workerState(worker) {
  const phase = worker.status?.phase ?? "Pending";
  const isServing = worker.spec?.role === "inference" && phase === "Running";
  return [isServing ? "good" : (WORKER_TONES[phase] ?? "plain"), phase];
}

/** The tone and word of a node. */
export function nodeState(node) {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  if (node.spec?.unschedulable) return ["held", "Closed"];
  if (ready?.status === "True") return ["good", "Ready"];
  return ready ? ["bad", "Not heard"] : ["plain", "Unknown"];
}
