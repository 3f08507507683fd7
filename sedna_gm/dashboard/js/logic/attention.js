// What needs a person, worst first: each a sentence, how bad it is, and where to go. Pure.

import { isPaused, needed, nodeState } from "./jobs.js";
import { link } from "./routes.js";
import { count } from "./formatting.js";

/** `[{key, tone, title, sentence, hash, action}]` for jobs, workers and nodes. */
export function attention(jobs, workers, nodes) {
  const found = [...jobs.flatMap(ofJob), ...workers.flatMap(ofWorker), ...nodes.flatMap(ofNode)];
  const order = { bad: 0, warn: 1, held: 2, plain: 3 };
  return found.sort((one, other) => order[one.tone] - order[other.tone] || (one.key < other.key ? -1 : 1));
}

function ofJob(job) {
  const { namespace, name } = job.metadata;
  const status = job.status ?? {};
  const to = { hash: link("job", { namespace, job: name }), action: "Look at the job" };
  const item = (word, tone, sentence, more = {}) => ({ key: `job ${namespace}/${name} ${word}`, tone, title: name, sentence, ...to, ...more });
  const found = [];
  if (status.gaveUpAt) found.push(item("gave-up", "bad", status.message || "It begins no round by itself any more."));
  else if (status.phase === "Failed" || status.failures > 1) {
    found.push(item("failed", "bad", `${count(status.failures || 1, "round")} in a row failed. ${status.message ?? ""}`.trim()));
  }
  if (status.serving?.failures > 1) found.push(item("serving", "bad", status.serving.message ?? "The inference worker keeps ending."));
  if (isPaused(job)) found.push(item("paused", "held", "Somebody has paused it: no round begins and nothing is deployed.", { action: "Resume it there" }));
  else if (status.paused) found.push(item("paused", "held", status.message || `It is paused on ${status.paused}.`));
  if (["Failed", "Refused"].includes(status.rollback?.state)) {
    found.push(item("rollback", "warn", `The way back to version ${status.rollback.asked} was not gone: ${status.rollback.message ?? ""}`));
  }
  if (!found.length && waitsForLabels(job)) {
    const missing = needed(job.spec.trainSpec.trigger.condition) - (status.samples?.new ?? 0);
    found.push(
      item("labels", "plain", `${count(missing, "more labelled sample")} ${missing === 1 ? "is" : "are"} needed for the next round.`, {
        hash: link("examples", { namespace, job: name }), action: "Label hard examples",
      }),
    );
  }
  return found;
}

/** Whether its inference keeps hard examples, and a round waits for somebody to label them. */
export function waitsForLabels(job) {
  const wanted = needed(job.spec?.trainSpec?.trigger?.condition);
  const { stage, phase, samples } = job.status ?? {};
  if (wanted === null || stage !== "Train" || phase !== "Waiting" || (samples?.new ?? 0) >= wanted) return false;
  return keepsHardExamples(job);
}

/** Whether a container of its inference is told where to keep hard examples. */
export function keepsHardExamples(job) {
  const containers = job.spec?.deploySpec?.template?.spec?.containers ?? [];
  return containers.some(({ env = [] }) => env.some(({ name, value }) => name === "HE_SAVED_URL" && value));
}

function ofWorker(worker) {
  const { namespace, name } = worker.metadata;
  const restarts = worker.status?.restarts ?? 0;
  if (restarts < 3 || worker.status?.phase === "Succeeded") return [];
  return {
    key: `worker ${namespace}/${name}`, tone: "warn", title: name,
    sentence: `It was started again ${count(restarts, "time")}. ${worker.status?.message ?? ""}`.trim(),
    hash: link("worker", { namespace, worker: name }), action: "Read its log",
  };
}

function ofNode(node) {
  const [tone, word] = nodeState(node);
  if (word !== "Not heard") return [];
  const { name } = node.metadata;
  const ready = node.status.conditions.find(({ type }) => type === "Ready");
  return {
    key: `node ${name}`, tone, title: `Node ${name}`,
    sentence: `${ready.message ?? "It is not heard any more."} Look whether the host runs and reaches this GlobalManager.`,
    hash: link("node", { node: name }), action: "Look at the node",
  };
}
