// Training as it runs: how far it is, when it ends, and the curves that its worker tells of.

import { count, number, span } from "../logic/formatting.js";
import { workerState, workersOf } from "../logic/jobs.js";
import { curves, shareOf } from "../logic/progress.js";
import { link } from "../logic/routes.js";
import { chart } from "../parts/chart.js";
import { jobHead, jobKeys } from "../parts/job_head.js";
import { empty, facts, missing, panel, state, time } from "../parts/pieces.js";
import { say } from "../parts/telling.js";
import { h } from "../parts/tree.js";

export function training({ route, sight }) {
  const seen = sight.one("incrementallearningjobs", route.namespace, route.job);
  const workers = sight.follow("workers", route.namespace, { labelSelector: `sedna.io/job=${route.job}` });
  const leave = jobKeys(route);
  return {
    title: `Training of ${route.job}`,
    close: leave,
    draw() {
      const [now] = seen.items.values();
      return h("div", { class: "page" }, [
        jobHead(route, now),
        now ? body(now, workersOf(now, workers.items.values())) : seen.error ? missing(seen.error, "The job") : empty("Looking…"),
      ]);
    },
  };

  function body(now, all) {
    const trainings = all.filter(({ spec }) => spec.role === "train").sort((one, other) => other.spec.round - one.spec.round);
    if (!trainings.length) {
      return panel("Training", empty("No training has run yet. When one runs, its progress and its curves are here, as they come."));
    }
    return h("div", { class: "stack" }, trainings.map((worker, place) => one(now, worker, place === 0)));
  }

  function one(now, worker, isFirst) {
    const { name } = worker.metadata;
    const [tone, word] = workerState(worker);
    const progress = worker.status?.progress;
    const running = worker.status?.phase === "Running";
    if (isFirst && running && progress?.total) say(`${progress.done} of ${progress.total} ${progress.unit ?? ""}`);
    const tools = h("span", { class: "buttons" }, [state(tone, word), h("a", { class: "button", href: link("worker", { namespace: route.namespace, worker: name }) }, "Log")]);
    return panel(`Round ${worker.spec.round}`, [
      progress ? told(name, worker, progress, running) : empty(
        running ? "This training tells nothing of its progress yet. With the library, report_progress(…) in the training code does." : "This training told nothing of its progress."),
    ], { id: `training-${worker.spec.round}`, tools });
  }

  function told(name, worker, progress, running) {
    const share = shareOf(progress);
    const lines = curves(progress);
    return h("div", { class: "stack" }, [
      h("div", { class: "meter" }, [
        h("div", { class: "words" }, [
          h("span", {}, [h("b", {}, number(progress.done)), progress.total ? ` of ${number(progress.total)}` : "", ` ${plural(progress)}`]),
          h("span", { class: "muted" }, running && progress.expectedEnd ? ["ends ", time(progress.expectedEnd), ", at ", time(progress.expectedEnd, { exact: true })]
            : worker.status.finishTime ? ["ended ", time(worker.status.finishTime)] : ""),
        ]),
        h("div", { class: "bar", role: "progressbar", "aria-label": "Progress of the training", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": share === null ? null : String(Math.round(share * 100)) },
          h("i", { style: { transform: `scaleX(${share ?? 0})` } })),
      ]),
      lines.length ? h("div", { class: "charts" }, lines.map(({ name: metric, data }) =>
        chart({ key: `curve ${name} ${metric}`, title: metric, names: ["this round"], data }))) : null,
      facts([
        ["Node", worker.spec.nodeName],
        ["Began", time(worker.status.startTime, { exact: true })],
        ["Took", worker.status.finishTime ? span((Date.parse(worker.status.finishTime) - Date.parse(worker.status.startTime)) / 1000) : null],
        ["Samples", sampled(worker)],
        ["Last word", running && progress.time ? time(progress.time) : null],
      ]),
    ]);
  }
}

const plural = ({ unit, total, done }) => (unit ? ((total ?? done) === 1 ? unit : `${unit}s`) : "steps");

function sampled(worker) {
  const total = (worker.spec.samples ?? []).reduce((sum, { start, end }) => sum + end - start, 0);
  return total ? `the training part of ${count(total, "sample")}` : null;
}
