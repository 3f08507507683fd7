// Workers that are gone, and what the record of their round says of them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { endedOf, roundOf, workersOf } from "../../sedna_gm/dashboard/js/logic/ended.js";

const at = (minute) => `2026-01-01T00:0${minute}:00Z`;
const step = (stage, phase, minute, reason = "") => ({ stage, phase, time: at(minute), reason });

const RECORD = {
  round: 3,
  nodes: { Train: "cloud", Eval: "edge", Deploy: "edge" },
  workers: [
    { name: "helmets-train-3", role: "train", node: "cloud" },
    { name: "helmets-eval-3", role: "eval", node: "other" },
    { name: "helmets-eval-3-regression", role: "eval", node: "edge" },
  ],
  stages: [
    step("Train", "Ready", 0), step("Train", "Starting", 1), step("Train", "Running", 2), step("Train", "Completed", 3),
    step("Eval", "Starting", 4), step("Eval", "Running", 5), step("Eval", "Waiting", 6),
    step("Eval", "Starting", 7), step("Eval", "Running", 8), step("Eval", "Failed", 9, "UserCodeFailed"),
  ],
};

test("a worker's name tells its job and round, whatever the job is called", () => {
  assert.deepEqual(roundOf("helmets-train-3"), { job: "helmets", role: "train", round: 3 });
  assert.deepEqual(roundOf("a-train-1-eval-12"), { job: "a-train-1", role: "eval", round: 12 });
  assert.deepEqual(roundOf("helmets-eval-3-regression"), { job: "helmets", role: "eval", round: 3 });
  for (const name of ["helmets-inference", "helmets-train-0", "helmets-train-3-x", "train-3", "-train-3x"]) assert.equal(roundOf(name), null);
});

test("each worker that a record names has a log to open", () => {
  assert.deepEqual(workersOf(RECORD, "helmets").map(({ name, word }) => [name, word]), [
    ["helmets-train-3", "Training"], ["helmets-eval-3", "Evaluation"], ["helmets-eval-3-regression", "Evaluation of old knowledge"],
  ]);
});

test("a record of an earlier release names them by its nodes, and one without workers none", () => {
  const { workers: _, ...old } = RECORD;
  assert.deepEqual(workersOf(old, "helmets").map(({ name, node }) => [name, node]), [["helmets-train-3", "cloud"], ["helmets-eval-3", "edge"]]);
  assert.deepEqual(workersOf({ round: 4, workers: [] }, "helmets"), []);
});

test("of a worker that is gone the record tells node, times and how it ended", () => {
  const told = (name) => {
    const { node, began, ended, failed, reason } = endedOf(RECORD, "helmets", name);
    return [node, began, ended, failed, reason];
  };
  assert.deepEqual(told("helmets-train-3"), ["cloud", at(1), at(3), false, null]);
  assert.deepEqual(told("helmets-eval-3"), ["other", at(4), at(6), false, null]);
  assert.deepEqual(told("helmets-eval-3-regression"), ["edge", at(7), at(9), true, "UserCodeFailed"]);
  assert.equal(endedOf(RECORD, "helmets", "helmets-train-4"), null);
  assert.equal(endedOf({ round: 3, nodes: { Train: "cloud" } }, "helmets", "helmets-train-3").began, null, "conditions may be gone");
});
