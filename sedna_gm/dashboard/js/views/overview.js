// What there is and how it goes; what needs a person comes first.

import { loadsOf } from "../live/loads.js";
import { attention } from "../logic/attention.js";
import { count, percent, size } from "../logic/formatting.js";
import { lastMetrics, metricText, nodeState, standingOf, towardsTrigger } from "../logic/jobs.js";
import { link } from "../logic/routes.js";
import { loadOf } from "../logic/usage.js";
import { smallMachine } from "../parts/machine.js";
import { empty, meter, missing, panel, state, time } from "../parts/pieces.js";
import { h } from "../parts/tree.js";

const LOAD_EVERY_MS = 15000;

export function overview({ sight, namespace }) {
  const jobs = sight.follow("incrementallearningjobs", namespace);
  const nodes = sight.follow("nodes", "");
  const workers = sight.follow("workers", namespace);
  const loads = sight.poll((signal) => loadsOf(nodes.items.values(), signal), LOAD_EVERY_MS);
  let asked = 0;
  return {
    title: "Overview",
    draw() {
      if (nodes.items.size !== asked) {
        asked = nodes.items.size;
        loads.again();
      }
      const sorted = [...jobs.items.values()].sort(byName);
      return h("div", { class: "overview" }, [
        h("h1", { class: "unseen" }, "Overview"),
        needed(attention(sorted, [...workers.items.values()], [...nodes.items.values()]), jobs.loaded && nodes.loaded),
        panel(`Jobs${sorted.length ? ` (${sorted.length})` : ""}`, jobList(jobs, sorted), { tight: true, id: "jobs", label: "Jobs" }),
        panel(`Nodes${nodes.items.size ? ` (${nodes.items.size})` : ""}`, nodeList(nodes, workers, loads), { tight: true, id: "nodes", label: "Nodes" }),
      ]);
    },
  };
}

const byName = (one, other) => (`${one.metadata.namespace}/${one.metadata.name}` < `${other.metadata.namespace}/${other.metadata.name}` ? -1 : 1);

function needed(items, loaded) {
  const body = !items.length
    ? h("p", { class: "calm" }, loaded ? "Nothing needs a person. Jobs go on by themselves." : "Looking…")
    : h("ul", { class: "needs" }, items.map((item) =>
        h("li", { key: item.key, "data-tone": item.tone }, [
          h("span", { class: "what" }, [state(item.tone, item.title), h("span", { class: "wrap" }, item.sentence)]),
          h("a", { class: item.tone === "plain" ? "button" : "button main", href: item.hash }, item.action),
        ])));
  return panel("Needs a person", body, { tight: items.length > 0, id: "needs" });
}

function jobList(seen, jobs) {
  if (!seen.loaded) return seen.error ? missing(seen.error, "Jobs") : empty("Looking…");
  if (!jobs.length) {
    return empty("There is no job yet. Describe one in a manifest and send it:", h("p", {}, h("code", {}, "sedna apply -f job.yaml")));
  }
  return h("ul", { class: "jobs" }, jobs.map(jobRow));
}

function jobRow(job) {
  const { namespace, name, uid } = job.metadata;
  const [tone, word] = standingOf(job);
  const metrics = lastMetrics(job).slice(0, 2);
  return h("li", { key: uid, class: "job" }, [
    h("div", { class: "who" }, [
      h("a", { href: link("job", { namespace, job: name }) }, name),
      h("span", { class: "small muted" }, [namespace, job.status?.round ? ` · round ${job.status.round}` : " · no round yet"]),
    ]),
    h("div", { class: "how" }, [state(tone, word), smallMachine(job)]),
    h("div", { class: "towards" }, meter(towardsTrigger(job), `Samples of ${name} towards the next round`)),
    h("div", { class: "metrics" }, metrics.length ? metrics.map((one) => h("span", { key: one.name }, metricText(one))) : h("span", { class: "muted" }, "no metrics yet")),
    h("p", { class: "says muted wrap" }, job.status?.message ?? "Nobody has looked at it yet."),
  ]);
}

function nodeList(seen, workers, loads) {
  if (!seen.loaded) return seen.error ? missing(seen.error, "Nodes") : empty("Looking…");
  if (!seen.items.size) return empty("No node has joined yet: a LocalController introduces its host by itself when it reaches this address.");
  const rows = [...seen.items.values()].map((node) => {
    const { name } = node.metadata;
    const [tone, word] = nodeState(node);
    const load = loadOf(loads.value?.[name]);
    const running = [...workers.items.values()].filter((worker) => worker.spec.nodeName === name && worker.status?.phase === "Running");
    return h("tr", { key: name }, [
      h("td", {}, h("a", { href: link("node", { node: name }) }, name)),
      h("td", {}, state(tone, word)),
      h("td", { class: "number" }, load ? percent(load.cpu) : "–"),
      h("td", { class: "number" }, load ? `${size(load.memory)}` : "–"),
      h("td", { class: "number" }, String(running.length)),
      h("td", { class: "number wide" }, String(node.status?.images?.length ?? 0)),
      h("td", { class: "wide" }, time(node.status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime)),
    ]);
  });
  const heads = [["Node"], ["State"], ["CPU", "number"], ["Memory", "number"], ["Workers", "number"], ["Images", "number wide"], ["Since", "wide"]];
  return h("div", { class: "scroll" }, h("table", { class: "table" }, [
    h("thead", {}, h("tr", {}, heads.map(([word, kind]) => h("th", { class: kind, scope: "col" }, word)))),
    h("tbody", { "aria-label": count(rows.length, "node") }, rows),
  ]));
}
