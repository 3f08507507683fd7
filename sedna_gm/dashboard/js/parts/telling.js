// Says things: to a screen reader without a sign, or to everybody in a corner of the page.

import { draw, h } from "./tree.js";

const notices = [];

/** For a screen reader alone, such as a stage that a job has reached. */
export function say(sentence) {
  const place = document.getElementById("said");
  if (place.textContent !== sentence) place.textContent = sentence;
}

/** For everybody; errors stay until they are closed. */
export function notice(sentence, tone = "good") {
  const one = { key: `${Date.now()}-${notices.length}`, sentence, tone };
  notices.push(one);
  show();
  if (tone !== "bad") setTimeout(() => close(one), 6000);
}

/** An error of a call, in the server's words. */
export const complain = (error) => notice(error.message, "bad");

function close(one) {
  const place = notices.indexOf(one);
  if (place >= 0) notices.splice(place, 1);
  show();
}

function show() {
  draw(
    document.getElementById("notices"),
    notices.map((one) =>
      h("div", { key: one.key, class: "notice", "data-tone": one.tone, role: one.tone === "bad" ? "alert" : null }, [
        h("p", {}, one.sentence),
        h("button", { class: "button quiet", type: "button", "aria-label": "Close", on: { click: () => close(one) } }, "×"),
      ]),
    ),
  );
}
