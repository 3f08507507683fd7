// One job: where it stands, what it waits for, how its rounds went, and which models it can serve.

import { address, ask } from "../live/api.js";
import { isPaused, leading, towardsTrigger, windowOf } from "../logic/jobs.js";
import { charts, merged } from "../logic/rounds.js";
import { position } from "../logic/machine.js";
import { chart } from "../parts/chart.js";
import { jobHead, jobKeys } from "../parts/job_head.js";
import { machine } from "../parts/machine.js";
import { button, empty, meter, missing, panel, time } from "../parts/pieces.js";
import { roundList, roundsAt } from "../parts/rounds.js";
import { say } from "../parts/telling.js";
import { h } from "../parts/tree.js";
import { versionPanel } from "../parts/versions.js";
import { whyPanel } from "../parts/why.js";

const PAGE = 50;
const WHY_MS = 20000;
const MOST_CHARTS = 6;

export function job({ route, sight, redraw }) {
  const opened = new Set();
  let records = [];
  let wanted = PAGE;
  let known = "";
  const seen = sight.one("incrementallearningjobs", route.namespace, route.job);
  const why = sight.poll((signal) => ask("GET", address("incrementallearningjobs", route.namespace, route.job, "why"), { signal }), WHY_MS);
  const rounds = sight.poll(async (signal) => {
    const page = await ask("GET", roundsAt(route), { query: { newest: wanted }, signal });
    records = merged(records, page.items);
    return page;
  });
  const wide = matchMedia("(min-width: 760px)");
  const leave = jobKeys(route);
  wide.addEventListener("change", redraw);

  /** Asks again for what is not watched, when the job has moved. */
  function look(now) {
    const status = now.status ?? {};
    const { stage, phase } = position(now);
    const moved = JSON.stringify([stage, phase, status.round, status.samples, isPaused(now), status.rollback?.state]);
    if (moved === known) return;
    if (known) {
      say(`${route.job}: ${stage} ${phase}. ${status.message ?? ""}`);
      rounds.again();
    }
    known = moved;
    why.again();
  }

  function more() {
    if (!records.length || records.length < wanted || records.at(-1).round <= 1) return null;
    return button("Earlier rounds", () => {
      wanted += PAGE * 2;
      rounds.again();
    });
  }

  return {
    title: route.job,
    close() {
      leave();
      wide.removeEventListener("change", redraw);
    },
    draw() {
      const [now] = seen.items.values();
      if (now) look(now);
      return h("div", { class: "page" }, [
        jobHead(route, now),
        now ? body(now) : seen.error ? missing(seen.error, "The job") : empty(seen.loaded ? "There is no such job. It may have been deleted." : "Looking…"),
      ]);
    },
  };

  function body(now) {
    return h("div", { class: "columns" }, [
      h("div", { class: "stack" }, [
        panel("State", [h("p", { class: "sentence" }, now.status?.message ?? "Nobody has looked at it yet."), machine(now, wide.matches)], { id: "state" }),
        towards(now),
        metricPanel(now),
        panel(`Rounds${records.length ? ` (${now.status?.round ?? records.length})` : ""}`,
          rounds.error && !records.length ? missing(rounds.error, "The history of rounds") : !rounds.loaded ? empty("Looking…")
            : roundList(records, { job: now, name: leadingOf(now), opened, redraw, more: more() }),
          { tight: true, id: "rounds" }),
      ]),
      h("div", { class: "stack" }, [whyPanel(why, route.namespace), versionPanel(now)]),
    ]);
  }

  function leadingOf(now) {
    return leading(now, [...new Set(records.flatMap((record) => Object.keys(record.metrics?.new ?? {})))]);
  }

  function towards(now) {
    const trigger = now.spec.trainSpec.trigger;
    const window_ = windowOf(trigger);
    const told = why.value?.triggers?.find(({ stage }) => stage === "Train")?.window;
    return h("section", { class: "panel towards-panel", id: "towards", key: "towards", "aria-label": "Towards the next round" }, [
      h("div", { class: "head" }, h("h2", {}, "Towards the next round")),
      h("div", { class: "body" }, [
        meter(towardsTrigger(now), "Samples towards the next round"),
        window_ ? h("p", { class: "small" }, [
          h("b", {}, "Window "), window_, ". ",
          told ? (told.open ? ["Open", told.closesAt ? [", closes ", time(told.closesAt)] : "", "."] : ["Closed, opens ", time(told.opensAt), "."]) : null,
        ]) : null,
        now.status?.retryAfter ? h("p", { class: "small" }, ["After a failure it waits; it is tried again ", time(now.status.retryAfter), "."]) : null,
      ]),
    ]);
  }

  function metricPanel(now) {
    const lines = charts(records, leadingOf(now)).slice(0, MOST_CHARTS);
    const body = lines.length
      ? h("div", { class: "charts" }, lines.map(({ name, data }) =>
          chart({ key: `metric ${name}`, title: name, names: ["new", "deployed"], data, x: (round) => `${round}` })))
      : empty("The first finished round brings the first metrics: the new model's against the deployed one's.");
    return panel("Metrics over rounds", body, { id: "metrics" });
  }
}
