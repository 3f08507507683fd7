// One worker: what it is, what it uses, and its log as it is written. Of one that is gone: what the record of its round
// says, and what its node has kept of its log.

import { address, ask } from "../live/api.js";
import { endedOf, roundOf } from "../logic/ended.js";
import { number, percent, size, span } from "../logic/formatting.js";
import { workerState } from "../logic/jobs.js";
import { link } from "../logic/routes.js";
import { seriesOf } from "../logic/usage.js";
import { chart } from "../parts/chart.js";
import { logPanel } from "../parts/log.js";
import { empty, facts, missing, panel, state, time } from "../parts/pieces.js";
import { h } from "../parts/tree.js";

const EVERY_MS = 10000;
const ENDED = ["Succeeded", "Failed"];

export function worker({ route, sight, redraw }) {
  const seen = sight.one("workers", route.namespace, route.worker);
  const path = address("workers", route.namespace, route.worker);
  // Only of a worker that is there: nobody knows what one uses that is gone.
  const usage = sight.poll((signal) => (seen.items.size ? ask("GET", `${path}/usage`, { signal }) : null), EVERY_MS);
  const hasEnded = () => {
    const [now] = seen.items.values();
    return now ? ENDED.includes(now.status?.phase) : seen.loaded && !seen.error;
  };
  const log = logPanel(`${path}/log`, sight.signal, redraw, hasEnded);
  const of = roundOf(route.worker);
  const record = of && sight.poll((signal) => recordOf(route.namespace, of, signal));
  let asked = false;
  let measured = false;
  return {
    title: route.worker,
    close: log.close,
    draw() {
      const [now] = seen.items.values();
      if (now && !measured) {
        measured = true;
        usage.again();
      }
      const isGone = !now && seen.loaded && !seen.error;
      if (isGone && !asked) {
        // The record is written when the round ends, and the page may have been open since before.
        asked = true;
        record?.again();
      }
      const ended = isGone && record?.value ? endedOf(record.value, of.job, route.worker) : null;
      const job = now?.spec?.job?.name ?? of?.job;
      const node = now?.spec?.nodeName ?? ended?.node;
      return h("div", { class: "page" }, [
        h("div", { class: "page-head" }, h("div", { class: "titles" }, [
          h("p", { class: "trail" }, [
            job ? h("a", { href: link("job", { namespace: route.namespace, job }) }, job) : h("a", { href: "#/" }, "Overview"),
            node ? [" / ", h("a", { href: link("node", { node }) }, node)] : null,
          ]),
          h("div", { class: "line" }, [h("h1", {}, route.worker), now ? state(...workerState(now)) : isGone ? state(ended?.failed ? "bad" : "plain", "Gone") : null]),
        ])),
        h("div", { class: "columns" }, [
          h("div", { class: "stack" }, [log.draw(), charts()]),
          now ? panel("The worker", about(now), { id: "about" })
            : seen.error ? missing(seen.error, "The worker") : ended ? panel("The worker", [aboutEnded(ended), note()], { id: "about" }) : empty(words()),
        ]),
      ]);
    },
  };

  function words() {
    if (!seen.loaded || (record && !record.loaded)) return "Looking…";
    return of
      ? `This worker is gone, and no record of a finished round of job ${of.job} names it.`
      : "This worker is gone. It belonged to no round, so that no record names it.";
  }

  function note() {
    return h("p", { class: "muted" }, "It went when the next round began. Its node keeps what the last twenty workers of each job have printed.");
  }

  function aboutEnded({ word, round, node, began, ended, reason }) {
    return facts([
      ["Role", word],
      ["Round", h("a", { href: link("job", { namespace: route.namespace, job: of.job }) }, String(round))],
      ["Node", node],
      ["Began", began ? time(began, { exact: true }) : null],
      ["Ended", ended ? time(ended, { exact: true }) : null],
      ["Failed", reason],
      ["Round's end", record.value.message],
    ]);
  }

  function charts() {
    if (!usage.value) return usage.error ? panel("The last hour", missing(usage.error, "Use of processors and memory"), { id: "usage" }) : null;
    const series = seriesOf(usage.value.workers?.[0], usage.value, Date.now());
    if (!series.cpu[0].length) return null;
    return panel("The last hour", h("div", { class: "charts" }, [
      chart({ key: "worker cpu", title: "Processors", names: ["taken"], data: series.cpu, times: true, low: 0, format: percent }),
      chart({ key: "worker memory", title: "Memory", names: ["taken"], data: series.memory, times: true, low: 0, format: size }),
    ]), { id: "usage" });
  }

  function about({ spec, status = {} }) {
    const { inference, model } = status;
    return facts([
      ["Role", spec.role],
      ["Round", spec.round ? String(spec.round) : null],
      ["Node", spec.nodeName],
      ["Unit", status.unit ? h("code", {}, status.unit) : null],
      ["Process", status.pid ? String(status.pid) : null],
      ["Began", status.startTime ? time(status.startTime) : null],
      ["Ended", status.finishTime ? time(status.finishTime) : null],
      ["Exit code", status.exitCode === undefined || status.exitCode === null ? null : String(status.exitCode)],
      ["Started again", status.restarts ? `${status.restarts} times` : null],
      ["Says", status.message],
      ["Serves", model ? [`the model of round ${model.round}`, model.state === "Loaded" ? "" : ` (${model.state})`] : null],
      ["Looked at", inference ? number(inference.count) : null],
      ["Hard", inference ? `${number(inference.hard)}, ${percent(inference.hardShare)}` : null],
      ["Takes", inference?.latencySeconds ? `${ms(inference.latencySeconds.p50)} in the middle, ${ms(inference.latencySeconds.p99)} at worst` : null],
      ["A second", inference ? number(inference.perSecond) : null],
      ["Image", spec.template?.containers?.[0]?.image],
      ["Memory now", usage.value?.workers?.[0] ? size(usage.value.workers[0].memoryBytes) : null],
      ["CPU time", usage.value?.workers?.[0] ? span(usage.value.workers[0].cpuSeconds) : null],
    ]);
  }
}

async function recordOf(namespace, { job, round }, signal) {
  const query = { limit: 1, continue: round > 1 ? round - 1 : null };
  const { items } = await ask("GET", address("incrementallearningjobs", namespace, job, "rounds"), { query, signal });
  return items.find((record) => record.round === round) ?? null;
}

const ms = (seconds) => (typeof seconds === "number" ? `${number(seconds * 1000)} ms` : "–");
