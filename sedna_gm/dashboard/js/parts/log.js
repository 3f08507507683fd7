// A worker's log: its end, then each line as it is written, as long as somebody looks. What is shown is bounded. Of one
// that has ended it is read once, and there is nothing to follow.

import { Refused, pieces } from "../live/api.js";
import { takePlace } from "../live/places.js";
import { wait } from "../live/watching.js";
import { pauses } from "../logic/pauses.js";
import { button, panel, state } from "./pieces.js";
import { h } from "./tree.js";

const FIRST_LINES = 400;
const MOST_CHARACTERS = 400_000;
const NEAR_PX = 40;
const ASK_AGAIN_MS = 4000;

/** `draw()` describes the panel; `close()` ends what it reads. `hasEnded()` says whether the worker will print no more. */
export function logPanel(path, signal, redraw, hasEnded = () => false) {
  let text = "";
  let place = null;
  let following = true;
  let reads = false;
  let told = ["plain", "Asking the node…"];
  let reading = new AbortController();
  signal.addEventListener("abort", () => reading.abort());

  function show() {
    if (!place) return;
    const atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < NEAR_PX;
    place.textContent = text || " ";
    if (following && atEnd) place.scrollTop = place.scrollHeight;
  }

  async function read() {
    reading = new AbortController();
    const mine = reading.signal;
    const pause = pauses(1000);
    reads = true;
    while (!mine.aborted && !signal.aborted) {
      // A log that is followed holds a connection, of which a browser has few.
      const leave = following ? await takePlace() : null;
      try {
        tell(...(leave ? ["moving", "Following"] : following ? ["plain", "Asking every few seconds"] : ["plain", "Read"]));
        await readOnce(leave !== null, mine);
        if (mine.aborted) return;
        if (!following || leave || hasEnded()) return over("plain", following ? "Ended" : "Read");
        await wait(ASK_AGAIN_MS, mine);
      } catch (error) {
        if (mine.aborted || signal.aborted) return;
        if (error instanceof Refused && error.code >= 400 && error.code < 500 && error.code !== 429) return over("warn", error.message);
        tell("warn", error.message);
        await wait(pause.next().value, mine);
      } finally {
        leave?.();
      }
    }
  }

  async function readOnce(follow, ending) {
    let fresh = "";
    for await (const piece of pieces(path, { query: { tailLines: FIRST_LINES, follow: follow ? 1 : null }, signal: ending })) {
      fresh = (fresh + piece).slice(-MOST_CHARACTERS);
      text = fresh;
      show();
    }
    text = fresh;
    show();
  }

  function tell(...words) {
    told = words;
    redraw();
  }

  function over(...words) {
    reads = false;
    tell(...words);
  }

  function turn() {
    // One that has come to its end is followed again: its worker may have been started anew.
    following = !(following && reads);
    reading.abort();
    read();
  }

  read();
  return {
    close: () => reading.abort(),
    draw: () =>
      panel("Log", h("pre", {
        class: "log", tabindex: "0", role: "log", "aria-label": "Log", opaque: true,
        mount: (node) => {
          place = node;
          show();
          node.scrollTop = node.scrollHeight;
          return () => (place = null);
        },
      }), {
        tight: true, id: "log",
        tools: h("div", { class: "buttons" }, [state(...told), hasEnded() ? null : button(following && reads ? "Stop following" : "Follow", turn)]),
      }),
  };
}
