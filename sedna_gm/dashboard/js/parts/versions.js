// Versions of the deployed model that can be served again.

import { rollBack } from "../live/acts.js";
import { short } from "../logic/formatting.js";
import { metricText, metricsOf } from "../logic/jobs.js";
import { button, empty, panel, state, time } from "./pieces.js";
import { h } from "./tree.js";

const STATES = { Deployed: ["good", "Deployed"], Previous: ["plain", "Served before"], RolledBack: ["warn", "Taken back"], NotDeployed: ["plain", "Not deployed"] };

export function versionPanel(job) {
  const versions = job.status?.versions ?? [];
  const wish = job.status?.rollback;
  const body = versions.length
    ? h("ul", { class: "versions" }, versions.map((version) => one(job, version)))
    : empty("No version was made yet; the file of the manifest serves.");
  return panel(`Versions of ${job.spec.deploySpec.model.name}`, [
    wish && wish.state !== "Deployed" ? h("p", { class: "note", "data-tone": ["Failed", "Refused"].includes(wish.state) ? "bad" : "warn" }, wish.message ?? `Version ${wish.asked}: ${wish.state}`) : null,
    body,
  ], { tight: true, id: "versions" });
}

function one(job, version) {
  const [tone, words] = STATES[version.state] ?? ["plain", version.state];
  const metrics = Object.entries(metricsOf(version)).map(([name, value]) => metricText({ name, value, delta: null }));
  return h("li", { key: version.round }, [
    h("div", {}, [
      h("b", {}, version.round ? `Round ${version.round}` : "The manifest's file"), " ",
      h("code", { class: "muted", title: version.sha256 ?? "" }, short(version.sha256)), " ", state(tone, words),
      h("p", { class: "muted small" }, [metrics.join(", "), metrics.length && version.time ? " · " : "", version.time ? time(version.time) : null]),
      version.message ? h("p", { class: "muted small wrap" }, version.message) : null,
    ]),
    version.state === "Deployed" ? null : button("Roll back", () => rollBack(job, version), { label: version.round ? `Roll back to the version of round ${version.round}` : "Roll back to the manifest's file" }),
  ]);
}
