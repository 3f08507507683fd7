// Keeps what there is of a kind at hand: lists it, watches from there on, and lists again where the watch is too far
// behind (410). A cut line is tried again with growing pauses; a window that nobody sees gives its place away.

import { Refused, ask, lines } from "./api.js";
import { takePlace } from "./places.js";
import { keyOf, took } from "../logic/changes.js";
import { pauses } from "../logic/pauses.js";

const WATCH_SECONDS = 240;
const ASK_AGAIN_MS = 3000;

/** Follows a collection until `signal` aborts. `told(items, state)` hears the resources by key, and one of the states
 * `live`, `asking` (no place for a watch), `cut` and `refused`, with the error. */
export async function follow(path, query, signal, told) {
  const items = new Map();
  let since = null;
  let pause = pauses();
  while (!signal.aborted) {
    try {
      await visible(signal);
      if (since === null) since = await list(path, query, items, signal);
      told(items, "live");
      pause = pauses();
      since = await watch(path, query, since, items, signal, told);
    } catch (error) {
      if (signal.aborted) return;
      since = null;
      const lost = error instanceof Refused && error.code >= 400 && error.code < 500 && ![408, 410, 429].includes(error.code);
      if (error.code !== 410) {
        told(items, lost ? "refused" : "cut", error);
        await wait(pause.next().value, signal);
      }
    }
  }
}

async function list(path, query, items, signal) {
  const page = await ask("GET", path, { query, signal });
  const there = new Map((page.items ?? []).map((item) => [keyOf(item), item]));
  for (const key of items.keys()) if (!there.has(key)) items.delete(key);
  for (const [key, item] of there) items.set(key, item);
  return page.metadata.resourceVersion;
}

async function watch(path, query, since, items, signal, told) {
  const leave = await takePlace();
  if (!leave) {
    told(items, "asking");
    await wait(ASK_AGAIN_MS, signal);
    return null;
  }
  // Ends with the window's visibility, too.
  const ending = new AbortController();
  const end = () => ending.abort();
  const hide = () => document.hidden && end();
  signal.addEventListener("abort", end);
  document.addEventListener("visibilitychange", hide);
  try {
    const asked = { ...query, watch: 1, resourceVersion: since, allowWatchBookmarks: 1, timeoutSeconds: WATCH_SECONDS };
    for await (const { type, object } of lines(path, { query: asked, signal: ending.signal })) {
      if (type === "ERROR") throw new Refused(object.code, object.reason, object.message);
      since = object.metadata.resourceVersion ?? since;
      if (took(items, type, object)) told(items, "live");
    }
    return since;
  } catch (error) {
    if (ending.signal.aborted && !signal.aborted) return since;
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
    document.removeEventListener("visibilitychange", hide);
    leave();
  }
}

function visible(signal) {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look, { once: true });
  });
}

/** Waits so many milliseconds, or until the signal. */
export function wait(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
