// Workers that are gone: which round they belonged to, by their names, and what its record says of them. Pure.

const NAME = /^(.+)-(train|eval)-([1-9][0-9]*)(-regression)?$/;
const WORDS = { train: "Training", eval: "Evaluation" };

/** Of which job and round a worker was, by its name: `{job, role, round}`; null for one that belongs to no round. */
export function roundOf(name) {
  const found = NAME.exec(name);
  return found && { job: found[1], role: found[2], round: Number(found[3]) };
}

/** The workers that a record names: `[{name, role, node, word}]`. Older records tell of nodes by stage only. */
export function workersOf(record, job) {
  const named = record.workers?.length ? record.workers : ["train", "eval"].flatMap((role) => {
    const node = record.nodes?.[role === "train" ? "Train" : "Eval"];
    return node ? [{ name: `${job}-${role}-${record.round}`, role, node }] : [];
  });
  return named.map((worker) => ({
    ...worker,
    word: worker.name.endsWith("-regression") ? `${WORDS[worker.role]} of old knowledge` : WORDS[worker.role],
  }));
}

/** The worker of this name in a record, with what is known of when it was; null where the record has none. */
export function endedOf(record, job, name) {
  const worker = workersOf(record, job).find((one) => one.name === name);
  if (!worker) return null;
  const stage = worker.role === "train" ? "Train" : "Eval";
  const steps = (record.stages ?? []).filter((step) => step.stage === stage);
  const starts = steps.filter(({ phase }) => phase === "Starting");
  // With a regression dataset a round goes through Eval twice.
  const start = starts[name.endsWith("-regression") ? 1 : 0];
  const end = start && steps.slice(steps.indexOf(start)).find(({ phase }) => !["Starting", "Running"].includes(phase));
  return {
    ...worker, round: record.round, began: start?.time ?? null, ended: end?.time ?? null,
    failed: end?.phase === "Failed", reason: end?.phase === "Failed" ? (end.reason ?? null) : null,
  };
}
