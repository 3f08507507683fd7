// What jobs, workers and nodes say, and what of it needs a person.

import assert from "node:assert/strict";
import { test } from "node:test";

import { attention, waitsForLabels } from "../../sedna_gm/dashboard/js/logic/attention.js";
import { lastMetrics, leading, needed, nodeState, standingOf, towardsTrigger, workerState } from "../../sedna_gm/dashboard/js/logic/jobs.js";
import { PHASES, STAGES, layout, passed, standing } from "../../sedna_gm/dashboard/js/logic/machine.js";
import { charts, decisionOf, deltaOf, durations, merged } from "../../sedna_gm/dashboard/js/logic/rounds.js";

const condition = (operator, threshold, metric = "num_of_samples") => ({ operator, threshold, metric });

function job(status = {}, annotations = {}, hard = true) {
  const env = hard ? [{ name: "HE_SAVED_URL", value: "/he" }] : [];
  return {
    metadata: { name: "helmets", namespace: "default", uid: "u", annotations },
    spec: {
      trainSpec: { trigger: { condition: condition(">", 9) } },
      deploySpec: { trigger: { condition: condition(">", 0, "precision_delta") }, template: { spec: { containers: [{ env }] } } },
    },
    status: { stage: "Train", phase: "Waiting", samples: { new: 4 }, ...status },
  };
}

const node = (ready) => ({ metadata: { name: "edge" }, spec: {}, status: { conditions: [{ type: "Ready", status: ready, message: "It is silent." }] } });

for (const [operator, threshold, enough] of [[">", 9, 10], [">=", 9, 9], ["ge", 9.2, 10], ["gt", 9.9, 10], ["==", 9, 9], ["<", 9, null]]) {
  test(`${operator} ${threshold} samples: ${enough} are enough`, () => assert.equal(needed(condition(operator, threshold)), enough));
}

test("another metric than samples has no number of samples that is enough", () => {
  assert.equal(needed(condition(">", 9, "precision")), null);
  assert.equal(needed(undefined), null);
});

test("how far it is to the next round is said in samples", () => {
  assert.deepEqual(towardsTrigger(job()), { has: 4, needed: 10, sentence: "6 more begin a round" });
  assert.equal(towardsTrigger(job({ samples: { new: 12 } })).sentence, "enough for a round");
  const shut = job({ samples: { new: 12 }, message: "The window is closed; it opens at 20:00." });
  assert.equal(towardsTrigger(shut).sentence, "The window is closed; it opens at 20:00.", "enough, and why it waits all the same");
  assert.equal(towardsTrigger(job({ samples: { new: 12 }, phase: "Running" })).sentence, "a round is under way");
});

test("the first word about a job is the one that matters most", () => {
  assert.deepEqual(standingOf(job()), ["plain", "Waiting"]);
  assert.deepEqual(standingOf(job({ phase: "Running" })), ["moving", "Train running"]);
  assert.deepEqual(standingOf(job({ phase: "Failed" })), ["bad", "Train failed"]);
  assert.deepEqual(standingOf(job({ phase: "Failed", gaveUpAt: "2026-01-01T00:00:00Z" })), ["bad", "Gave up"]);
  assert.deepEqual(standingOf(job({ phase: "Running" }, { "sedna.io/paused": "true" })), ["held", "Paused"]);
  assert.deepEqual(standingOf(job({}, { "sedna.io/paused": "no" })), ["plain", "Waiting"], "any other value is no pause");
  assert.deepEqual(standingOf({ ...job(), status: undefined }), ["plain", "New"]);
});

test("a job that waits for samples asks for labels where somebody can give them", () => {
  assert.ok(waitsForLabels(job()));
  assert.ok(!waitsForLabels(job({}, {}, false)));
  assert.ok(!waitsForLabels(job({ stage: "Eval", phase: "Running" })));
  assert.ok(!waitsForLabels(job({ samples: { new: 10 } })));
  const [item] = attention([job()], [], []);
  assert.equal(item.sentence, "6 more labelled samples are needed for the next round.");
  assert.equal(item.hash, "#/jobs/default/helmets/examples");
});

test("the worst comes first, and a healthy system asks for nobody", () => {
  const worker = { metadata: { name: "w", namespace: "default" }, spec: { role: "inference" }, status: { phase: "Running", restarts: 5 } };
  const found = attention([job(), job({ phase: "Failed", failures: 2, message: "No disk." })], [worker], [node("Unknown")]);
  assert.deepEqual(found.map(({ tone }) => tone), ["bad", "bad", "warn", "plain"]);
  assert.match(found[0].sentence, /No disk/);
  assert.deepEqual(attention([job({ stage: "Train", phase: "Running" })], [{ ...worker, status: { phase: "Running", restarts: 0 } }], [node("True")]), []);
});

test("a paused job says so and not that it waits for labels", () => {
  const found = attention([job({}, { "sedna.io/paused": "true" })], [], []);
  assert.deepEqual(found.map(({ key }) => key), ["job default/helmets paused"]);
});

test("nodes and workers have a tone and a word", () => {
  assert.deepEqual(nodeState(node("True")), ["good", "Ready"]);
  assert.deepEqual(nodeState(node("Unknown")), ["bad", "Not heard"]);
  assert.deepEqual(nodeState({ ...node("True"), spec: { unschedulable: true } }), ["held", "Closed"]);
  assert.deepEqual(workerState({ spec: { role: "inference" }, status: { phase: "Running" } }), ["good", "Running"]);
  assert.deepEqual(workerState({ spec: { role: "train" }, status: { phase: "Running" } }), ["moving", "Running"]);
  assert.deepEqual(workerState({ spec: { role: "train" } }), ["plain", "Pending"]);
});

test("the last metrics are those of the newest judged version against the one before", () => {
  const version = (round, value) => ({ round, metrics: value === null ? [] : [{ key: "precision", value: String(value) }] });
  const [found] = lastMetrics(job({ versions: [version(3, 0.75), version(2, null), version(1, 0.5)] }));
  assert.deepEqual(found, { name: "precision", value: 0.75, delta: 0.25 });
  assert.deepEqual(lastMetrics(job()), []);
});

test("the metric that decides about a deployment leads", () => {
  assert.equal(leading(job(), ["recall", "precision"]), "precision");
  assert.equal(leading(job(), ["loss"]), "loss");
});

test("a drawn machine has every state in its picture, in a row and in a column", () => {
  for (const wide of [true, false]) {
    const { stages, width, height } = layout(wide);
    assert.deepEqual(stages.map(({ name }) => name), STAGES);
    for (const stage of stages) {
      assert.deepEqual(stage.dots.map(({ phase }) => phase), [...PHASES, "Failed"]);
      for (const { x, y } of stage.dots) {
        assert.ok(x > stage.x && x < stage.x + stage.width && y > stage.y && y < stage.y + stage.height);
      }
      assert.ok(stage.x + stage.width <= width && stage.y + stage.height <= height);
    }
  }
});

test("what lies before the present phase is done, what comes is ahead", () => {
  const evaluating = job({ stage: "Eval", phase: "Running" });
  assert.equal(standing(evaluating, "Eval", "Running"), "now");
  assert.equal(standing(evaluating, "Eval", "Starting"), "done");
  assert.equal(standing(evaluating, "Train", "Completed"), "done");
  assert.equal(standing(evaluating, "Train", "Failed"), "ahead");
  assert.equal(standing(evaluating, "Deploy", "Waiting"), "ahead");
  assert.ok(passed(evaluating) > passed(job({ stage: "Train", phase: "Completed" })));
});

const record = (round, now, before, more = {}) => ({ round, metrics: { new: { precision: now, recall: [0.2, 0.4] }, comparedWith: before === null ? {} : { precision: before } }, ...more });

test("charts go from the oldest round to the newest, new against deployed, a list by its mean", () => {
  const found = charts([record(2, 0.8, 0.7), record(1, 0.7, null)], "recall");
  assert.deepEqual(found.map(({ name }) => name), ["recall", "precision"]);
  assert.deepEqual(found[1].data, [[1, 2], [0.7, 0.8], [null, 0.7]]);
  assert.ok(Math.abs(found[0].data[1][0] - 0.3) < 1e-9);
});

test("a difference is told only where both are known", () => {
  assert.ok(Math.abs(deltaOf(record(1, 0.8, 0.7), "precision") - 0.1) < 1e-9);
  assert.equal(deltaOf(record(1, 0.8, null), "precision"), null);
  assert.equal(deltaOf({ round: 1 }, "precision"), null);
});

test("a decision that nobody knows here is bad news", () => {
  assert.deepEqual(decisionOf({ decision: "Deployed" }), ["good", "Deployed"]);
  assert.deepEqual(decisionOf({ decision: "NotDeployed" }), ["plain", "Not deployed"]);
  assert.deepEqual(decisionOf({ decision: "TrainFailed" }), ["bad", "Train Failed"]);
});

test("the times of a round's phases become the time of each stage", () => {
  const at = (stage, second) => ({ stage, time: `2026-01-01T00:00:${String(second).padStart(2, "0")}Z` });
  const stages = [at("Train", 0), at("Train", 10), at("Eval", 10), at("Eval", 14), at("Deploy", 14)];
  assert.deepEqual(durations({ stages }), [{ stage: "Train", seconds: 10 }, { stage: "Eval", seconds: 4 }, { stage: "Deploy", seconds: 0 }]);
});

test("records that come again replace their older version", () => {
  assert.deepEqual(merged([{ round: 1, v: 1 }], [{ round: 2 }, { round: 1, v: 2 }]), [{ round: 2 }, { round: 1, v: 2 }]);
});
