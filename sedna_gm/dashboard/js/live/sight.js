// What one view sees, for as long as it is open: collections that are followed, and answers that are asked for again and
// again. Each change asks for the view to be drawn.

import { Refused, address } from "./api.js";
import { follow, wait } from "./watching.js";

export class Sight {
  constructor(signal, redraw) {
    this.signal = signal;
    this.redraw = redraw;
    this.followed = [];
  }

  /** A kind in a namespace (empty: all). `items` are the resources by key; `loaded` says whether they have come. */
  follow(plural, namespace, query = {}) {
    const seen = { items: new Map(), loaded: false, state: "asking", error: null };
    this.followed.push(seen);
    follow(address(plural, namespace), query, this.signal, (items, state, error = null) => {
      seen.items = items;
      seen.loaded ||= state === "live" || state === "asking";
      seen.state = state;
      seen.error = error;
      this.redraw();
    });
    return seen;
  }

  /** One resource, as if it were a collection of one. */
  one(plural, namespace, name) {
    return this.follow(plural, namespace, { fieldSelector: `metadata.name=${name}` });
  }

  /** An answer, asked for now, every `ms` where that is given, and on `again()`. Its last good `value` stays. */
  poll(load, ms = 0) {
    const seen = { value: null, error: null, loaded: false, again: () => {} };
    const run = async () => {
      while (!this.signal.aborted) {
        if (!document.hidden || !seen.loaded) await this.#load(seen, load);
        const woken = new Promise((resolve) => (seen.again = resolve));
        // Without a time of its own it waits to be asked.
        await Promise.race([woken, wait(ms || 2 ** 31 - 1, this.signal)]);
      }
    };
    run();
    return seen;
  }

  async #load(seen, load) {
    try {
      seen.value = await load(this.signal);
      seen.error = null;
    } catch (error) {
      if (this.signal.aborted) return;
      if (!(error instanceof Refused)) throw error;
      seen.error = error;
    }
    seen.loaded = true;
    this.redraw();
  }

  /** The worst state of all that is followed, and its error. */
  get state() {
    const order = ["refused", "cut", "asking", "live"];
    const worst = order.find((state) => this.followed.some((seen) => seen.state === state)) ?? "live";
    return { state: worst, error: this.followed.find((seen) => seen.state === worst)?.error ?? null };
  }
}
