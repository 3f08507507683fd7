// The head of each page of a job: what it is called, how it stands, what can be done to it, and its pages.

import { pause, remove, resume, trigger } from "../live/acts.js";
import { isPaused, standingOf } from "../logic/jobs.js";
import { keepsHardExamples } from "../logic/attention.js";
import { link } from "../logic/routes.js";
import { button, state } from "./pieces.js";
import { register } from "./shortcuts.js";
import { h } from "./tree.js";

const PAGES = [["job", "State"], ["training", "Training live"], ["examples", "Hard examples"]];

/** Keys of all pages of a job; gives what takes them away. */
export function jobKeys(route) {
  const to = (name) => () => (location.hash = link(name, { namespace: route.namespace, job: route.job }));
  return register("Pages of the job", [
    { keys: "1", does: "State", run: to("job") },
    { keys: "2", does: "Training live", run: to("training") },
    { keys: "3", does: "Hard examples", run: to("examples") },
  ]);
}

export function jobHead(route, job) {
  const place = { namespace: route.namespace, job: route.job };
  const [tone, word] = job ? standingOf(job) : ["plain", ""];
  return [
    h("div", { class: "page-head", key: "head" }, [
      h("div", { class: "titles" }, [
        h("p", { class: "trail" }, [h("a", { href: "#/" }, "Overview"), " / ", route.namespace]),
        h("div", { class: "line" }, [
          h("h1", {}, route.job),
          job ? state(tone, word) : null,
          job?.status?.round ? h("span", { class: "muted" }, `round ${job.status.round}`) : null,
        ]),
      ]),
      job ? actions(job) : null,
    ]),
    h("nav", { class: "tabs", key: "tabs", "aria-label": `Pages of ${route.job}` }, PAGES.map(([name, title]) =>
      name === "examples" && job && !keepsHardExamples(job) ? null
        : h("a", { key: name, href: link(name, place), "aria-current": route.name === name ? "page" : null }, title))),
  ];
}

function actions(job) {
  const waits = job.status?.stage === "Train" && job.status?.phase === "Waiting";
  return h("div", { class: "buttons", role: "group", "aria-label": "What can be done" }, [
    isPaused(job) ? button("Resume", () => resume(job), { kind: "main", key: "resume" }) : button("Pause", () => pause(job), { key: "pause" }),
    h("select", {
      key: "trigger", "aria-label": "Start a stage now", value: "", disabled: !waits, title: waits ? null : "A round is under way",
      on: {
        change: (event) => {
          const stage = event.target.value;
          event.target.value = "";
          if (stage) trigger(job, stage);
        },
      },
    }, [
      h("option", { value: "" }, "Start now…"),
      h("option", { value: "train" }, "Train now"),
      h("option", { value: "eval" }, "Evaluate again"),
      h("option", { value: "deploy" }, "Deploy the last model"),
    ]),
    button("Delete", () => remove(job), { kind: "danger", key: "delete" }),
  ]);
}
