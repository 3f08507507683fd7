// Labelling one hard example after the other: what the model predicted, put right by a person, becomes a sample.

import { Refused, ask } from "../live/api.js";
import { examplesAt, galleryOf } from "../live/gallery.js";
import { neighbour, theirs } from "../logic/examples.js";
import { count } from "../logic/formatting.js";
import { towardsTrigger } from "../logic/jobs.js";
import { begin, choose, clear, isChanged, labelOf, redo, undo } from "../logic/labelling.js";
import { link } from "../logic/routes.js";
import { canvas } from "../parts/canvas.js";
import { conflictNote, labelledNote } from "../parts/label_notes.js";
import { labelKeys } from "../parts/label_keys.js";
import { labelSide } from "../parts/label_side.js";
import { confirmedToLeave } from "../parts/dialogs.js";
import { picture } from "../parts/pictures.js";
import { button, empty, meter, missing } from "../parts/pieces.js";
import { complain, say } from "../parts/telling.js";
import { h } from "../parts/tree.js";

const THUMBNAIL = 320;
const ZOOMS = [1, 1.5, 2, 3];

export function label({ route, sight, redraw }) {
  const sort = route.query.sort || "value";
  const place = { namespace: route.namespace, job: route.job };
  const gallery = galleryOf(route.namespace, route.job, sort);
  const seen = sight.one("incrementallearningjobs", route.namespace, route.job);
  let name = route.example;
  let editor = null;
  let conflict = null;
  let saving = false;
  let saved = 0;
  let zoom = 0;
  // Rounds that had begun when this view was opened: one that begins with what is labelled here is told.
  let begun = null;
  // Class of the last box: the next picture's first new one is likely the same.
  let kind = 0;

  const item = () => gallery.items.find((one) => one.name === name);
  const isDone = () => Boolean(item()?.label);
  const set = (next) => {
    editor = next;
    kind = next.kind;
    redraw();
  };
  const change = (work) => editor && !isDone() && set(work(editor));
  const keys = labelKeys({
    change, save, turnPage, back,
    zoom: (by) => {
      zoom = Math.max(0, Math.min(ZOOMS.length - 1, zoom + by));
      redraw();
    },
  });
  const unsaved = () => Boolean(editor && isChanged(editor) && !isDone());
  const stay = (event) => unsaved() && event.preventDefault();
  window.addEventListener("beforeunload", stay);
  find();

  /** Reads pages until the example is among them. */
  async function find() {
    if (!gallery.loaded || !item()) await gallery.load();
    while (!item() && gallery.more && !gallery.error && !sight.signal.aborted) await gallery.load({ more: true });
    open();
  }

  function open() {
    editor = item() ? begin(item(), kind) : null;
    conflict = null;
    redraw();
    if (editor) say(`${name}: ${count(editor.boxes.length, "box", "boxes")}`);
  }

  function goTo(next) {
    name = next.name;
    // The same view goes on; the address follows, so that it can be sent to somebody.
    history.replaceState(null, "", link("label", { ...place, example: name }, { sort }));
    open();
  }

  async function turnPage(by) {
    if (unsaved() && !(await confirmedToLeave())) return;
    const next = neighbour(gallery.items, name, by) ?? (by > 0 && gallery.more ? await further() : null);
    if (next) goTo(next);
  }

  async function further() {
    await gallery.load({ more: true });
    return neighbour(gallery.items, name, 1);
  }

  async function onwards() {
    let next = neighbour(gallery.items, name, 1, true);
    if (!next && gallery.more) {
      await further();
      next = neighbour(gallery.items, name, 1, true);
    }
    next ??= neighbour(gallery.items, name, -1, true);
    if (next) goTo(next);
    else {
      editor = begin(item(), kind);
      redraw();
    }
  }

  async function save() {
    if (!editor || saving || isDone()) return;
    saving = true;
    redraw();
    try {
      const body = { boxes: labelOf(editor), version: item().label?.version ?? null, pictureTime: item().time ?? null };
      const answer = await ask("PUT", examplesAt(route.namespace, route.job, name, "label"), { body });
      gallery.labelled(name, answer.label ?? { boxes: body.boxes }, answer.trigger);
      saved += 1;
      say(`Saved. ${answer.trigger ? `${answer.trigger.samples} of ${answer.trigger.needed} samples.` : ""}`);
      await onwards();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      conflict = error.code === 409 ? { label: theirs(error.body), message: error.message } : null;
      if (!conflict) complain(error);
    } finally {
      saving = false;
      redraw();
    }
  }

  /** Takes what somebody else has saved for what it is, and goes on. */
  function take() {
    gallery.labelled(name, conflict.label);
    conflict = null;
    onwards();
  }

  function back() {
    if (editor?.chosen !== null && editor) set(choose(editor, null));
    else location.hash = link("examples", place, { sort });
  }

  return {
    title: `Label ${name}`,
    unsaved,
    close() {
      keys();
      window.removeEventListener("beforeunload", stay);
    },
    draw() {
      const [job] = seen.items.values();
      return h("div", { class: "page labelling" }, [head(job), editor ? body() : waiting()]);
    },
  };

  function waiting() {
    if (gallery.error) return missing(gallery.error, "The hard example");
    return gallery.loaded && !gallery.loading
      ? empty("This example is not there any more: the inference worker keeps the newest ones only.", h("a", { class: "button", href: link("examples", place, { sort }) }, "To the gallery"))
      : empty("Asking the node…");
  }

  function head(job) {
    const index = gallery.items.findIndex((one) => one.name === name);
    const round = job?.status?.round ?? 0;
    if (job) begun ??= round;
    return h("div", { class: "label-head", key: "head" }, [
      h("div", { class: "titles" }, [
        h("p", { class: "trail" }, [h("a", { href: link("job", place) }, route.job), " / ", h("a", { href: link("examples", place, { sort }) }, "Hard examples")]),
        h("h1", { class: "small-title" }, name),
      ]),
      h("div", { class: "turning" }, [
        button("‹", () => turnPage(-1), { kind: "icon", label: "The example before", disabled: index <= 0 }),
        h("span", { class: "muted" }, index < 0 ? "" : `${index + 1} of ${gallery.counts?.hard ?? gallery.items.length}`),
        button("›", () => turnPage(1), { kind: "icon", label: "The next example", disabled: index < 0 || (index >= gallery.items.length - 1 && !gallery.more) }),
      ]),
      h("div", { class: "grow" }, job ? meter(towardsTrigger(job), "Samples towards the next round") : null),
      saved && round > begun ? h("p", { class: "note began", role: "status" }, [`Round ${round} has begun with what was labelled. `, h("a", { href: link("job", place) }, "Watch it")]) : null,
    ]);
  }

  function body() {
    const done = isDone();
    const at = examplesAt(route.namespace, route.job, name, "picture");
    return h("div", { class: "bench", key: "bench" }, [
      h("div", { class: "view", tabindex: "-1" }, [
        done ? labelledNote(item(), onwards) : null,
        conflict ? conflictNote(conflict, take, () => (conflict = null, redraw())) : null,
        h("div", { class: "pan" }, canvas({
          get: () => editor, set, classes: gallery.classes, zoom: ZOOMS[zoom], readOnly: done, theirs: conflict?.label?.boxes,
          label: `${name}, ${count(editor.boxes.length, "box", "boxes")}. J and K choose a box, arrows move it, N draws a new one, S saves.`,
          children: [
            picture({ path: at, query: { width: THUMBNAIL, time: item().time }, alt: "", soon: true, key: `small ${name} ${item().time}`, kind: "small" }),
            picture({ path: at, query: { time: item().time }, alt: `Hard example ${name}`, soon: true, key: `large ${name} ${item().time}`, kind: "large" }),
          ],
        })),
      ]),
      labelSide({
        editor, classes: gallery.classes, done, saving, set, save,
        empty: () => change(clear), undo: () => change(undo), redo: () => change(redo),
      }),
    ]);
  }
}
