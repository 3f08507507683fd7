// The hard examples of one job in one order, page by page, shared by the gallery and the labelling view.

import { Refused, address, ask } from "./api.js";
import { taken } from "../logic/examples.js";

const PAGE = 48;
const galleries = new Map();

export const examplesAt = (namespace, job, ...rest) => address("incrementallearningjobs", namespace, job, "hardexamples", ...rest);

/** The gallery of a job in an order; the same one as long as this window is open. */
export function galleryOf(namespace, job, sort) {
  const key = `${namespace}/${job}/${sort}`;
  if (!galleries.has(key)) galleries.set(key, new Gallery(namespace, job, sort));
  return galleries.get(key);
}

class Gallery {
  constructor(namespace, job, sort) {
    Object.assign(this, { namespace, job, sort, items: [], classes: [], counts: null, trigger: null, more: null, loaded: false, error: null });
    this.loading = null;
  }

  /** The first page anew, or (`more`) the next one. One at a time, for all views: it goes on when one of them is left. */
  load({ more = false } = {}) {
    this.loading ??= this.#load(more).finally(() => (this.loading = null));
    return this.loading;
  }

  async #load(more) {
    try {
      const query = { limit: PAGE, sort: this.sort, continue: more ? this.more : null };
      const page = await ask("GET", examplesAt(this.namespace, this.job), { query });
      this.items = taken(more ? this.items : [], page.items ?? []);
      this.classes = page.classes ?? [];
      this.counts = page.counts ?? null;
      this.trigger = page.trigger ?? null;
      this.more = page.metadata?.continue || null;
      this.error = null;
      this.loaded = true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.error = error;
    }
  }

  /** What somebody has labelled, told by the answer to it. */
  labelled(name, label, trigger = null) {
    const item = this.items.find((one) => one.name === name);
    if (item && !item.label && this.counts) this.counts = { ...this.counts, labelled: this.counts.labelled + 1 };
    this.items = this.items.map((one) => (one.name === name ? { ...one, label } : one));
    if (trigger) this.trigger = trigger;
  }
}
