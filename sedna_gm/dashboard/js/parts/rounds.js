// The table of finished rounds; each row opens its whole record in place.

import { address } from "../live/api.js";
import { count, difference, metric, moment, number, short, size, span } from "../logic/formatting.js";
import { workersOf } from "../logic/ended.js";
import { decisionOf, deltaOf, durations } from "../logic/rounds.js";
import { link } from "../logic/routes.js";
import { empty, facts, state, time } from "./pieces.js";
import { h } from "./tree.js";

/** `opened` is the set of rounds whose record is shown; `name` the metric in the row. */
export function roundList(records, { job, name, opened, redraw, more }) {
  if (!records.length) return empty("No round is finished yet. The record of each will be here: samples, models, metrics, the decision and why.");
  return [
    h("ul", { class: "rounds" }, records.map((record) => round(record, job, name, opened, redraw))),
    more ? h("div", { class: "empty" }, more) : null,
  ];
}

function round(record, job, name, opened, redraw) {
  const isOpen = opened.has(record.round);
  const [tone, words] = decisionOf(record);
  const delta = deltaOf(record, name);
  const id = `round-${record.round}`;
  const turn = () => {
    if (!opened.delete(record.round)) opened.add(record.round);
    redraw();
  };
  return h("li", { key: id }, [
    h("button", { class: "row", type: "button", "aria-expanded": String(isOpen), "aria-controls": id, on: { click: turn } }, [
      h("span", { class: "turner", "aria-hidden": "true" }, "▸"),
      h("b", {}, [h("span", { class: "unseen" }, "Round "), String(record.round)]),
      state(tone, words),
      h("span", { class: "clip" }, record.message ?? ""),
      h("span", { class: "delta", "data-tone": delta > 0 ? "good" : delta < 0 ? "bad" : null }, delta === null ? "" : `${name} ${difference(delta)}`),
      h("span", { class: "wide muted" }, count((record.samples?.end ?? 0) - (record.samples?.start ?? 0), "sample")),
      h("span", { class: "wide muted" }, record.finishedAt ? moment(record.finishedAt, Date.now()) : ""),
    ]),
    isOpen ? h("div", { class: "record", id, role: "region", "aria-label": `Record of round ${record.round}` }, details(record, job)) : null,
  ]);
}

function details(record, job) {
  const { samples = {}, models = {}, metrics = {} } = record;
  const took = durations(record).filter(({ seconds }) => seconds > 0);
  return [
    h("div", { class: "whole" }, [
      h("h3", {}, "Decision"),
      h("p", {}, record.message || record.reason || "–"),
    ]),
    h("div", {}, [h("h3", {}, "Metrics"), metricTable(metrics)]),
    h("div", {}, [h("h3", {}, "Models"), facts(Object.entries(ROLES).map(([role, word]) => [word, models[role] ? model(models[role]) : null]))]),
    h("div", {}, [
      h("h3", {}, "Samples"),
      facts([
        ["Dataset", samples.dataset],
        ["Taken", samples.end === undefined ? null : `${samples.start} up to ${samples.end}, ${samples.end - samples.start} in all`],
        ["To train with", samples.trainProb === undefined ? null : `a share of ${number(samples.trainProb)}`],
        ["Evaluated too", samples.evaluatedRounds?.length ? `rounds ${samples.evaluatedRounds.join(", ")}` : null],
      ]),
    ]),
    h("div", {}, [
      h("h3", {}, "Times"),
      facts([
        ["Began", time(record.startedAt, { exact: true })],
        ["Ended", time(record.finishedAt, { exact: true })],
        ["In all", span((Date.parse(record.finishedAt) - Date.parse(record.startedAt)) / 1000)],
        ["Nodes", Object.entries(record.nodes ?? {}).map(([stage, node]) => `${stage} on ${node}`).join(", ")],
        ["Round id", record.roundId ?? record.id],
      ]),
    ]),
    took.length ? h("div", { class: "whole" }, [h("h3", {}, "How long each stage took"), h("div", { class: "timeline" }, took.map(({ stage, seconds }, place) =>
      h("span", { key: `${stage}${place}`, style: { flex: String(Math.max(seconds, 0.1)) }, title: `${stage}: ${span(seconds)}` }, `${stage} ${span(seconds)}`)))]) : null,
    h("div", { class: "whole" }, [h("h3", {}, "Logs"), logs(record, job)]),
  ];
}

const ROLES = { base: "Began with", new: "Made", comparedWith: "Compared with", deployed: "Deployed" };

function model(version) {
  return [
    h("code", { title: version.sha256 ?? version.url }, version.sha256 ? short(version.sha256) : version.url.split("/").at(-1)),
    h("span", { class: "muted" }, ` of round ${version.round ?? 0}${version.artifact?.sizeBytes ? `, ${size(version.artifact.sizeBytes)}` : ""}`),
  ];
}

function metricTable({ new: made = {}, comparedWith = {} }) {
  const names = Object.keys(made);
  if (!names.length) return h("p", { class: "muted" }, "None were reported.");
  return h("table", { class: "table" }, [
    h("thead", {}, h("tr", {}, ["Metric", "New", "Deployed", "Difference"].map((word, place) => h("th", { class: place ? "number" : null, scope: "col" }, word)))),
    h("tbody", {}, names.map((name) => {
      const [now, before] = [metric(made[name]), metric(comparedWith[name])];
      const delta = now - before;
      return h("tr", { key: name }, [
        h("td", {}, name),
        h("td", { class: "number" }, number(now)),
        h("td", { class: "number" }, number(before)),
        h("td", { class: "number delta", "data-tone": delta > 0 ? "good" : delta < 0 ? "bad" : null }, difference(delta)),
      ]);
    })),
  ]);
}

function logs(record, job) {
  const { namespace, name } = job.metadata;
  const workers = workersOf(record, name);
  if (!workers.length) return h("p", { class: "muted" }, "The round had no worker.");
  return h("p", { class: "buttons" }, workers.map((worker) =>
    h("a", { key: worker.name, class: "button", href: link("worker", { namespace, worker: worker.name }) }, worker.word)));
}

/** Where the records are. */
export const roundsAt = (route) => address("incrementallearningjobs", route.namespace, route.job, "rounds");
