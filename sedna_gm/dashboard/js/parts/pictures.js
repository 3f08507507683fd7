// Pictures that need a token, which an address must not have: they are fetched as they come into sight, few at a time,
// so that clicks get through, and let go when they are left.

import { bytes } from "../live/api.js";
import { h } from "./tree.js";

const AT_ONCE = 2;
const waiting = [];
let running = 0;

// Observers call in no order: what stands first in the page comes first, and what is waited for before all.
function first() {
  waiting.sort((one, other) => other.soon - one.soon || (one.image.compareDocumentPosition(other.image) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  return waiting.shift();
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    first().work().finally(() => {
      running -= 1;
      next();
    });
  }
}

/** Fetches a picture into an `<img>`; gives what ends it. `soon`: before those that wait. */
function load(image, path, query, soon) {
  const ending = new AbortController();
  let url = null;
  const work = async () => {
    if (ending.signal.aborted) return;
    try {
      url = URL.createObjectURL(await bytes(path, { query, signal: ending.signal }));
      image.src = url;
      image.classList.add("there");
    } catch (error) {
      if (!ending.signal.aborted) {
        image.classList.add("gone");
        image.alt = `${image.alt} ${error.message}`.trim();
      }
    }
  };
  waiting.push({ image, work, soon });
  // Others that come into sight at the same moment may stand before it.
  queueMicrotask(next);
  return () => {
    ending.abort();
    if (url) URL.revokeObjectURL(url);
  };
}

/** A picture. `soon`: at once, before others; else when it comes near the window. */
export function picture({ path, query, alt, soon = false, key, kind = "" }) {
  return h("img", {
    key: key ?? path, class: `picture ${kind}`.trim(), alt, draggable: "false", decoding: "async",
    opaque: true,
    mount: (image) => {
      if (soon) return load(image, path, query, true);
      let end = null;
      const seen = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        seen.disconnect();
        end = load(image, path, query, false);
      }, { rootMargin: "300px" });
      seen.observe(image);
      return () => {
        seen.disconnect();
        end?.();
      };
    },
  });
}
