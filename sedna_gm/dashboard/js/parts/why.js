// Why a job does what it does, as the GlobalManager explains it.

import { count, number } from "../logic/formatting.js";
import { link } from "../logic/routes.js";
import { empty, missing, panel, state, time } from "./pieces.js";
import { workerState } from "../logic/jobs.js";
import { h } from "./tree.js";

export function whyPanel(seen, namespace) {
  const why = seen.value;
  if (!why) return panel("Why", seen.error ? missing(seen.error, "Why it does what it does") : empty("Looking…"), { id: "why" });
  return panel("Why", h("div", { class: "why" }, [
    h("p", { class: "summary" }, [why.summary, why.since ? h("span", { class: "muted" }, [" Since ", time(why.since, { exact: true }), "."]) : null]),
    why.actions?.length ? section("What a person can do", why.actions.map((one, place) =>
      h("li", { key: `a${place}` }, [h("span", { "aria-hidden": "true" }, "→"), h("span", {}, [one.sentence, one.command ? [" ", h("code", {}, one.command)] : null])]))) : null,
    why.triggers?.length ? section("Triggers", why.triggers.map((one) => verdict(one.stage, one.holds, one.sentence))) : null,
    why.gates?.length ? section("Gates of the last new model", why.gates.map((one, place) => verdict(`${one.metric}-${place}`, one.holds, one.sentence ?? gate(one)))) : null,
    why.serving?.sentence ? section("What serves", [h("li", { key: "serving" }, [h("span", {}), h("span", {}, why.serving.sentence)])]) : null,
    why.workers?.length ? section("Workers", why.workers.map((one) => worker(one, namespace))) : null,
    why.decisions?.length ? section("Last decisions", why.decisions.map((one, place) =>
      h("li", { key: `d${place}` }, [h("span", { class: "muted" }, time(one.time, { exact: true })), h("span", {}, one.sentence)])), "decisions") : null,
  ]), { id: "why" });
}

const section = (title, rows, kind = null) => h("section", { key: title }, [h("h3", {}, title), h("ul", { class: kind }, rows)]);

function verdict(key, holds, sentence) {
  const [sign, word, kind] = holds === null || holds === undefined ? ["·", "not known yet", "muted"] : holds ? ["✓", "holds", "holds"] : ["✗", "does not hold", "fails"];
  return h("li", { key }, [h("span", { class: kind, role: "img", "aria-label": word }, sign), h("span", {}, sentence)]);
}

const gate = ({ metric, operator, threshold, delta, new: now }) => `${metric} ${operator} ${threshold}: it is ${number(delta ?? now)}.`;

function worker(one, namespace) {
  const [tone] = workerState({ status: { phase: one.phase }, spec: { role: one.role } });
  const said = [...new Set([one.message, one.lastWords])].filter(Boolean);
  return h("li", { key: one.name, class: "worker-line" }, [
    h("span", {}),
    h("span", {}, [state(tone, one.phase ?? "Pending"), " ", h("a", { href: link("worker", { namespace, worker: one.name }) }, one.name), one.restarts ? ` · started again ${count(one.restarts, "time")}` : "", said.map((words, place) => h("span", { class: "muted", key: `w${place}` }, ` – ${words}`))]),
  ]);
}
