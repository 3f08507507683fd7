// One node: what it is, its processors and memory over the last hour, and the workers on it.

import { address, ask } from "../live/api.js";
import { percent, quantity, size, span } from "../logic/formatting.js";
import { nodeState, workerState } from "../logic/jobs.js";
import { link } from "../logic/routes.js";
import { loadOf, seriesOf } from "../logic/usage.js";
import { chart } from "../parts/chart.js";
import { empty, facts, missing, panel, state, time } from "../parts/pieces.js";
import { h } from "../parts/tree.js";

const EVERY_MS = 10000;

export function node({ route, sight, namespace }) {
  const seen = sight.one("nodes", "", route.node);
  const workers = sight.follow("workers", namespace, { fieldSelector: `spec.nodeName=${route.node}` });
  const usage = sight.poll((signal) => ask("GET", address("nodes", "", route.node, "usage"), { signal }), EVERY_MS);
  return {
    title: `Node ${route.node}`,
    draw() {
      const [now] = seen.items.values();
      return h("div", { class: "page" }, [
        h("div", { class: "page-head" }, h("div", { class: "titles" }, [
          h("p", { class: "trail" }, h("a", { href: "#/nodes" }, "Nodes")),
          h("div", { class: "line" }, [h("h1", {}, route.node), now ? state(...nodeState(now)) : null]),
        ])),
        now ? body(now) : seen.error ? missing(seen.error, "The node") : empty(seen.loaded ? "There is no such node." : "Looking…"),
      ]);
    },
  };

  function body(now) {
    return h("div", { class: "columns" }, [
      h("div", { class: "stack" }, [panel("The last hour", charts(), { id: "usage" }), panel("Workers", workerList(), { tight: true, id: "workers" })]),
      panel("The host", about(now), { id: "about" }),
    ]);
  }

  function charts() {
    if (!usage.value) return usage.error ? missing(usage.error, "Use of processors and memory") : empty("Asking the node…");
    const load = loadOf(usage.value);
    const series = seriesOf(usage.value, usage.value, Date.now());
    return h("div", { class: "charts" }, [
      chart({ key: "node cpu", title: "Processors", names: ["taken"], data: series.cpu, times: true, low: 0, high: 1, format: percent }),
      chart({ key: "node memory", title: "Memory", names: ["taken"], data: series.memory, times: true, low: 0, high: load.memoryTotal || null, format: size }),
    ]);
  }

  function workerList() {
    const there = [...workers.items.values()].sort((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1));
    if (!there.length) return empty(workers.loaded ? "No worker is bound to this node." : "Looking…");
    const told = new Map((usage.value?.workers ?? []).map((one) => [`${one.namespace}/${one.name}`, one]));
    const heads = [["Worker"], ["State"], ["Unit", "wide"], ["CPU time"], ["Memory"], ["Started again", "wide"], ["Since", "wide"]];
    return h("div", { class: "scroll" }, h("table", { class: "table" }, [
      h("thead", {}, h("tr", {}, heads.map(([word, kind]) => h("th", { scope: "col", class: kind }, word)))),
      h("tbody", {}, there.map((worker) => {
        const { namespace: place, name } = worker.metadata;
        const one = told.get(`${place}/${name}`);
        return h("tr", { key: `${place}/${name}` }, [
          h("td", {}, h("a", { href: link("worker", { namespace: place, worker: name }) }, name)),
          h("td", {}, state(...workerState(worker))),
          h("td", { class: "wrap mono wide" }, one?.unit ?? worker.status?.unit ?? "–"),
          h("td", {}, one ? span(one.cpuSeconds) : "–"),
          h("td", {}, one ? size(one.memoryBytes) : "–"),
          h("td", { class: "wide" }, String(worker.status?.restarts ?? 0)),
          h("td", { class: "wide" }, time(worker.status?.startTime)),
        ]);
      })),
    ]));
  }

  function about(now) {
    const status = now.status ?? {};
    const load = loadOf(usage.value);
    const ready = status.conditions?.find(({ type }) => type === "Ready");
    return facts([
      ["Heard", ready ? [ready.message, " Since ", time(ready.lastTransitionTime)] : null],
      ["Addresses", status.addresses?.join(", ")],
      ["Runner", status.runner],
      ["Processors", status.capacity?.cpu],
      ["Memory", size(quantity(status.capacity?.memory))],
      ["Disk", load && Number.isFinite(load.disk) ? `${size(load.disk)} of ${size(load.diskTotal)}` : null],
      ["Load", usage.value?.node?.loadAverage?.map((one) => one.toFixed(2)).join(", ")],
      ["Clock", status.timezone],
      ["Images", status.images?.join(", ")],
      ...Object.entries(status.versions ?? {}).map(([name, version]) => [name, version]),
    ]);
  }
}
