// All nodes: whether they are heard, what they are, and how much they have to do.

import { loadsOf } from "../live/loads.js";
import { percent, quantity, size } from "../logic/formatting.js";
import { nodeState } from "../logic/jobs.js";
import { link } from "../logic/routes.js";
import { loadOf } from "../logic/usage.js";
import { empty, missing, panel, state, time } from "../parts/pieces.js";
import { gauge } from "../parts/gauges.js";
import { h } from "../parts/tree.js";

const EVERY_MS = 10000;
const HEADS = [["Node"], ["State"], ["CPU"], ["Memory"], ["Disk"], ["Workers", "number"], ["Images"], ["Runner"], ["Since"]];

export function nodes({ sight, namespace }) {
  const seen = sight.follow("nodes", "");
  const workers = sight.follow("workers", namespace);
  const loads = sight.poll((signal) => loadsOf(seen.items.values(), signal), EVERY_MS);
  let asked = 0;
  return {
    title: "Nodes",
    draw() {
      if (seen.items.size !== asked) {
        asked = seen.items.size;
        loads.again();
      }
      return h("div", { class: "page stack" }, [
        h("div", { class: "page-head" }, h("h1", {}, "Nodes")),
        panel("Hosts with a LocalController", list(), { tight: true, id: "nodes" }),
      ]);
    },
  };

  function list() {
    if (!seen.loaded) return seen.error ? missing(seen.error, "Nodes") : empty("Looking…");
    if (!seen.items.size) return empty("No node has joined yet.");
    return h("div", { class: "scroll" }, h("table", { class: "table cards" }, [
      h("thead", {}, h("tr", {}, HEADS.map(([word, kind]) => h("th", { scope: "col", class: kind }, word)))),
      h("tbody", {}, [...seen.items.values()].map(row)),
    ]));
  }

  function row(node) {
    const { name } = node.metadata;
    const status = node.status ?? {};
    const load = loadOf(loads.value?.[name]);
    const memory = quantity(status.capacity?.memory);
    const running = [...workers.items.values()].filter(({ spec, status: of }) => spec.nodeName === name && of?.phase === "Running").length;
    const cells = [
      h("a", { href: link("node", { node: name }) }, name),
      state(...nodeState(node)),
      load ? gauge(load.cpu, percent(load.cpu), `CPU of ${name}`) : `${status.capacity?.cpu ?? "–"} processors`,
      load ? gauge(load.memory / load.memoryTotal, size(load.memory), `Memory of ${name}`) : size(memory),
      load && Number.isFinite(load.disk) ? gauge(load.disk / load.diskTotal, percent(load.disk / load.diskTotal), `Disk of ${name}`) : "–",
      String(running),
      h("span", { class: "wrap small" }, (status.images ?? []).join(", ") || "–"),
      status.runner ?? "–",
      time(status.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime),
    ];
    // In a narrow window each node is a card, and each cell says by itself what it is.
    return h("tr", { key: name }, cells.map((cell, place) => h("td", { class: HEADS[place][1], "data-head": HEADS[place][0] }, cell)));
  }
}
