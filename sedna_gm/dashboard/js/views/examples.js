// The gallery of what inference found hard: what to label first, how much it adds, and the way to bring labels of others.

import { ask, bytes } from "../live/api.js";
import { examplesAt, galleryOf } from "../live/gallery.js";
import { bodiesOf, documentOf, outcomeOf, questionOf } from "../logic/coco.js";
import { className, colourOf } from "../logic/examples.js";
import { count, percent } from "../logic/formatting.js";
import { towardsTrigger } from "../logic/jobs.js";
import { link } from "../logic/routes.js";
import { confirmed } from "../parts/dialogs.js";
import { jobHead, jobKeys } from "../parts/job_head.js";
import { picture } from "../parts/pictures.js";
import { button, empty, meter, missing, time } from "../parts/pieces.js";
import { complain, notice } from "../parts/telling.js";
import { h } from "../parts/tree.js";

const THUMBNAIL = 320;
const LOOK_MS = 10000;
const SORTS = { value: "Most uncertain first", diverse: "Most varied first", time: "Newest first" };

export function examples({ route, sight, redraw }) {
  const sort = SORTS[route.query.sort] ? route.query.sort : "value";
  const place = { namespace: route.namespace, job: route.job };
  const seen = sight.one("incrementallearningjobs", route.namespace, route.job);
  const gallery = galleryOf(route.namespace, route.job, sort);
  const leave = jobKeys(route);
  const look = async (options) => {
    await gallery.load(options);
    redraw();
  };
  look();
  // How many there are now; the list itself stays as it is until somebody asks for it.
  const news = sight.poll((signal) => ask("GET", examplesAt(route.namespace, route.job), { query: { limit: 1, sort: "time" }, signal }), LOOK_MS);
  let labelled = null;
  // What its button says while labels of others are being sent.
  let importing = null;

  return {
    title: `Hard examples of ${route.job}`,
    close: leave,
    draw() {
      const [now] = seen.items.values();
      const counts = news.value?.counts ?? gallery.counts;
      // Somebody else has labelled: what is shown takes it over in its place.
      if (labelled !== null && counts && counts.labelled !== labelled && gallery.loaded && !gallery.loading) look();
      labelled = counts?.labelled ?? labelled;
      return h("div", { class: "page" }, [
        jobHead(route, now),
        head(now, counts),
        body(counts),
      ]);
    },
  };

  function head(now, counts) {
    const first = gallery.items.find(({ label }) => !label);
    return h("section", { class: "panel gallery-head", key: "gallery-head", "aria-label": "What labelling adds" }, [
      h("div", { class: "grow" }, now ? meter(towardsTrigger(now), "Samples towards the next round") : null),
      h("p", { class: "counts" }, counts ? [h("b", {}, String(counts.hard)), " hard, ", h("b", {}, String(counts.labelled)), " labelled"] : "…"),
      h("div", { class: "buttons" }, [
        first ? h("a", { class: "button main", key: "begin", href: link("label", { ...place, example: first.name }, { sort }) }, "Begin labelling") : null,
        h("select", { key: "sort", "aria-label": "Order", value: sort, on: { change: (event) => (location.hash = link("examples", place, { sort: event.target.value })) } },
          Object.entries(SORTS).map(([value, words]) => h("option", { key: value, value }, words))),
        button("Export COCO", exported, { key: "export", title: "Pictures' names, labels and predictions as COCO JSON, for CVAT or Label Studio" }),
        h("label", { class: "button", key: "import" }, [importing ?? "Import COCO", h("input", { class: "unseen", type: "file", accept: "application/json,.json", disabled: Boolean(importing), on: { change: imported } })]),
      ]),
    ]);
  }

  function body(counts) {
    if (!gallery.loaded) return gallery.error ? missing(gallery.error, "Hard examples") : empty("Asking the node for what it found hard…");
    if (!gallery.items.length) {
      return empty("Nothing was found hard yet. The inference worker keeps what it is unsure of in the folder HE_SAVED_URL; it comes here by itself.", button("Look again", () => look()));
    }
    const fresh = counts && gallery.counts ? counts.hard - gallery.counts.hard : 0;
    return h("div", { class: "gallery-body", key: "gallery-body" }, [
      gallery.error ? h("p", { class: "note", "data-tone": "bad" }, gallery.error.message) : null,
      fresh > 0 ? h("p", { class: "fresh" }, button(`Show ${count(fresh, "new one", "new ones")}`, () => look())) : null,
      h("ul", { class: "gallery" }, gallery.items.map(card)),
      gallery.more ? h("div", { class: "empty", mount: watched }, button(gallery.loading ? "Loading…" : "Load more", () => look({ more: true }))) : null,
    ]);
  }

  function watched(node) {
    const near = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && gallery.more && look({ more: true }), { rootMargin: "600px" });
    near.observe(node);
    return () => near.disconnect();
  }

  function card(item) {
    const boxes = item.label?.boxes ?? item.boxes ?? [];
    const value = typeof item.value === "number" ? percent(item.value) : null;
    const told = `${item.name}: ${count(boxes.length, "box", "boxes")}${value ? `, uncertain by ${value}` : ""}${item.label ? ", labelled" : ""}`;
    return h("li", { key: item.name, class: item.label ? "card labelled" : "card" }, h("a", { href: link("label", { ...place, example: item.name }, { sort }), "aria-label": told }, [
      h("div", { class: "frame", style: { "aspect-ratio": `${item.width || 16} / ${item.height || 9}` } }, [
        picture({ path: examplesAt(route.namespace, route.job, item.name, "picture"), query: { width: THUMBNAIL, time: item.time }, alt: "", key: `picture ${item.name} ${item.time}` }),
        h("svg", { class: "over", viewBox: `0 0 ${item.width || 16} ${item.height || 9}`, "aria-hidden": "true" }, boxes.map(({ box, class: kind, score }, index) =>
          h("rect", { key: String(index), x: String(box[0]), y: String(box[1]), width: String(Math.max(0, box[2] - box[0])), height: String(Math.max(0, box[3] - box[1])), style: { stroke: colourOf(kind), opacity: String(0.45 + 0.55 * (score ?? 1)) } }, h("title", {}, className(gallery.classes, kind))))),
        item.label ? h("span", { class: "tick", "aria-hidden": "true" }, "✓ labelled") : null,
      ]),
      h("span", { class: "caption" }, [
        h("span", {}, value ? [h("b", {}, value), " unsure"] : count(boxes.length, "box", "boxes")),
        h("span", { class: "muted" }, item.label?.by ? `by ${item.label.by}` : time(item.time)),
      ]),
    ]));
  }

  async function exported() {
    try {
      const blob = await bytes(examplesAt(route.namespace, route.job, "export"), { query: { format: "coco" } });
      const url = URL.createObjectURL(blob);
      const anchor = document.createElement("a");
      Object.assign(anchor, { href: url, download: `${route.job}.coco.json` });
      anchor.click();
      setTimeout(() => URL.revokeObjectURL(url), 60000);
    } catch (error) {
      complain(error);
    }
  }

  async function imported(event) {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    const text = await file.text();
    const coco = documentOf(text);
    if (await confirmed(...questionOf(file.name, coco), "Import")) await send(bodiesOf(text, coco));
  }

  /** What was taken before a part that failed is told, too: it stays. */
  async function send(bodies) {
    const results = [];
    let problem = null;
    try {
      for (const [place, body] of bodies.entries()) {
        importing = bodies.length > 1 ? `Importing part ${place + 1} of ${bodies.length}…` : "Importing…";
        redraw();
        results.push(...(await ask("POST", examplesAt(route.namespace, route.job, "import"), { body })).results);
      }
    } catch (error) {
      problem = error;
    }
    importing = null;
    if (results.length || !problem) notice(outcomeOf(results));
    if (problem) complain(problem);
    await look();
    news.again();
  }
}
