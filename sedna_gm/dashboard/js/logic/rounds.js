// Records of rounds, turned into lines of charts and rows of a table. Pure.

import { metric } from "./formatting.js";

/** One chart for each metric: `[{name, data: [rounds, new, deployed]}]`, the oldest round first, the leading metric first. */
export function charts(records, first = null) {
  const sorted = [...records].sort((one, other) => one.round - other.round).filter((record) => record.metrics?.new);
  const names = [...new Set(sorted.flatMap((record) => Object.keys(record.metrics.new)))];
  names.sort((one, other) => (one === first ? -1 : other === first ? 1 : one < other ? -1 : 1));
  const value = (record, side, name) => {
    const found = metric(record.metrics[side]?.[name]);
    return Number.isFinite(found) ? found : null;
  };
  return names.map((name) => ({
    name,
    data: [
      sorted.map((record) => record.round),
      sorted.map((record) => value(record, "new", name)),
      sorted.map((record) => value(record, "comparedWith", name)),
    ],
  }));
}

const TONES = { Deployed: "good", NotDeployed: "plain", RolledBack: "warn" };
const WORDS = { NotDeployed: "Not deployed", RolledBack: "Rolled back" };

/** The tone and words of a round's decision; what is not known here went wrong. */
export function decisionOf({ decision }) {
  const words = WORDS[decision] ?? String(decision ?? "–").replace(/([a-z])([A-Z])/g, "$1 $2");
  return [TONES[decision] ?? (decision ? "bad" : "plain"), words];
}

/** New minus deployed of one metric; null where one of both is missing. */
export function deltaOf(record, name) {
  const [now, before] = ["new", "comparedWith"].map((side) => metric(record.metrics?.[side]?.[name]));
  return Number.isFinite(now) && Number.isFinite(before) ? now - before : null;
}

/** How long each stage took: `[{stage, seconds}]`, from the times of its phases. */
export function durations(record) {
  const found = [];
  for (const { stage, time } of record.stages ?? []) {
    const moment = Date.parse(time);
    const last = found.at(-1);
    if (last?.stage === stage) last.end = moment;
    else {
      if (last) last.end = moment;
      found.push({ stage, start: moment, end: moment });
    }
  }
  return found.map(({ stage, start, end }) => ({ stage, seconds: Math.max(0, (end - start) / 1000) }));
}

/** Brings newer records to those that there are; the newest version of each round counts. Newest first. */
export function merged(known, fresh) {
  const rounds = new Map([...known, ...fresh].map((record) => [record.round, record]));
  return [...rounds.values()].sort((one, other) => other.round - one.round);
}
