// Addresses, numbers, times, watches: what the page reads and writes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { keyOf, took } from "../../sedna_gm/dashboard/js/logic/changes.js";
import { className, colourOf, neighbour, taken, theirs } from "../../sedna_gm/dashboard/js/logic/examples.js";
import { ago, difference, metric, number, quantity, size, span } from "../../sedna_gm/dashboard/js/logic/formatting.js";
import { pauses } from "../../sedna_gm/dashboard/js/logic/pauses.js";
import { curves, shareOf } from "../../sedna_gm/dashboard/js/logic/progress.js";
import { loadOf, seriesOf } from "../../sedna_gm/dashboard/js/logic/usage.js";
import { link, parse } from "../../sedna_gm/dashboard/js/logic/routes.js";

for (const [name, values, query] of [
  ["overview", {}, {}], ["nodes", {}, {}], ["node", { node: "edge-1" }, {}], ["worker", { namespace: "a", worker: "w.x" }, {}],
  ["job", { namespace: "a", job: "j" }, {}], ["label", { namespace: "a", job: "j", example: "p/ä ?#&" }, { sort: "time" }],
]) {
  test(`the address of ${name} is read as it was written`, () => assert.deepEqual(parse(link(name, values, query)), { name, ...values, query }));
}

test("an address that nobody has written leads to no view, and breaks none", () => {
  for (const hash of ["#/nowhere", "#/jobs/only", "#/jobs/a/b/c/d/e"]) assert.equal(parse(hash).name, "missing");
  assert.equal(parse("#/nodes/%E0%A4%A").node, "%E0%A4%A");
  assert.equal(parse("").name, "overview");
});

test("numbers have the digits that count", () => {
  assert.deepEqual([0.76521, 12.345, 1234.5, 7, NaN, undefined].map(number), ["0.765", "12.3", "1,235", "7", "–", "–"]);
  assert.deepEqual([0.0571, -0.002, 0].map(difference), ["+0.057", "−0.002", "±0"]);
  assert.deepEqual([[0.2, 0.4], "0.5", 0.7].map(metric).map((one) => Math.round(one * 10) / 10), [0.3, 0.5, 0.7]);
});

test("sizes and quantities have their unit", () => {
  assert.deepEqual([0, 1023, 1024, 5 * 1024 ** 2, 30 * 1024 ** 3].map(size), ["0 B", "1023 B", "1.0 KiB", "5.0 MiB", "30 GiB"]);
  assert.deepEqual(["2", "500m", "1Ki", "x"].map(quantity), [2, 0.5, 1024, NaN]);
});

test("spans of time are told in two units at most", () => {
  assert.deepEqual([0.4, 59, 61, 600, 3600, 7500, 90000].map(span), ["0 s", "59 s", "1 min 1 s", "10 min", "1 h", "2 h 5 min", "1 d 1 h"]);
});

test("what is long ago is told roughly, so that the page is quiet", () => {
  const now = Date.parse("2026-01-01T00:10:00Z");
  const told = ["00:09:58", "00:09:43", "00:09:03", "00:07:40", "00:10:42"].map((time) => ago(`2026-01-01T${time}Z`, now));
  assert.deepEqual(told, ["now", "20 s ago", "1 min ago", "2 min ago", "in 50 s"]);
  assert.equal(ago("no time", now), "–");
});

const thing = (name, version, namespace = "default") => ({ metadata: { name, namespace, resourceVersion: String(version) } });

test("a watch's events become what there is; an old one does not undo a newer list", () => {
  const items = new Map();
  assert.ok(took(items, "ADDED", thing("a", 5)));
  assert.ok(!took(items, "MODIFIED", thing("a", 4)));
  assert.ok(!took(items, "ADDED", thing("a", 5)), "told again after a new list");
  assert.ok(took(items, "MODIFIED", thing("a", 6)));
  assert.ok(!took(items, "BOOKMARK", { metadata: { resourceVersion: "9" } }));
  assert.ok(!took(items, "DELETED", thing("b", 7)));
  assert.ok(took(items, "DELETED", thing("a", 7)));
  assert.equal(items.size, 0);
  assert.equal(keyOf(thing("a", 1)), "default/a");
  assert.equal(keyOf(thing("n", 1, undefined)), "default/n");
});

test("a lost line is tried again with growing pauses that never pass their bound", () => {
  const found = pauses(500, 4000, () => 0.5);
  assert.deepEqual(Array.from({ length: 6 }, () => found.next().value), [500, 1000, 2000, 4000, 4000, 4000]);
  for (const chance of [0, 0.999]) {
    const pause = pauses(500, 4000, () => chance).next().value;
    assert.ok(pause >= 375 && pause <= 625);
  }
});

const example = (name, label = null) => ({ name, label });

test("a page that comes again brings nothing twice and what is new of each", () => {
  const found = taken([example("a"), example("b")], [example("b", { by: "x" }), example("c")]);
  assert.deepEqual(found.map(({ name, label }) => [name, Boolean(label)]), [["a", false], ["b", true], ["c", false]]);
});

test("saving leads to the next example that nobody has labelled", () => {
  const items = [example("a"), example("b", {}), example("c"), example("d")];
  assert.equal(neighbour(items, "a", 1, true).name, "c");
  assert.equal(neighbour(items, "a", 1).name, "b");
  assert.equal(neighbour(items, "d", 1), null);
  assert.equal(neighbour(items, "d", -1, true).name, "c");
});

test("a class has a name and a colour, known or not", () => {
  assert.equal(className(["person"], 0), "person");
  assert.equal(className(["person"], 7), "class 7");
  assert.equal(className([], null), "?");
  for (const kind of [0, 8, 9, 1000, null, -1]) assert.match(colourOf(kind), /^#/);
});

test("somebody else's label is found in the refusal that has one", () => {
  const label = { boxes: [], by: "anna" };
  assert.equal(theirs({ details: { label } }), label);
  assert.equal(theirs({ details: { reason: "AlreadyUsed" } }), null);
  assert.equal(theirs(null), null);
});

test("a training's progress is a share and curves, losses first", () => {
  assert.equal(shareOf({ done: 3, total: 4 }), 0.75);
  assert.equal(shareOf({ done: 3 }), null);
  assert.equal(shareOf({ done: 9, total: 4 }), 1);
  const found = curves({ curve: [[1, { accuracy: 0.1, val_loss: 2, loss: 1 }], [2, { loss: 0.5 }]] });
  assert.deepEqual(found.map(({ name }) => name), ["loss", "val_loss", "accuracy"]);
  assert.deepEqual(found[2].data, [[1, 2], [0.1, null]]);
});

test("the use of a node is a share of all its processors, and a gap stays a gap", () => {
  const usage = {
    node: { cpuCount: 2, loadAverage: [3], memoryBytes: 5, memoryTotalBytes: 10, diskFreeBytes: 1, diskTotalBytes: 4 },
    workers: [{ series: { cpu: [null, 0.5], memory: [7, 8] } }],
    series: { seconds: [-10, 0], cpu: [1, null], memory: [3, 4] },
  };
  assert.deepEqual(loadOf(usage), { cpu: 0.5, memory: 5, memoryTotal: 10, disk: 3, diskTotal: 4 });
  assert.equal(loadOf({ ...usage, series: {} }).cpu, 1.5, "before the first samples, by the load");
  assert.equal(loadOf(null), null);
  assert.deepEqual(seriesOf(usage, usage, 100_000).cpu, [[90, 100], [0.5, null]]);
  assert.deepEqual(seriesOf(usage.workers[0], usage, 100_000), { cpu: [[90, 100], [null, 0.25]], memory: [[90, 100], [7, 8]] });
  assert.deepEqual(seriesOf(undefined, usage, 100_000).memory, [[90, 100], [null, null]]);
});
