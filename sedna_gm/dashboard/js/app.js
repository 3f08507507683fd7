// The page: a bar, the view that the address names, and what holds for all views (keys, theme, who looks).

import { Refused, address, ask } from "./live/api.js";
import { forget, namespace, session, showNamespace, signOut, token } from "./live/session.js";
import { Sight } from "./live/sight.js";
import { parse } from "./logic/routes.js";
import { bar } from "./parts/bar.js";
import { confirmedToLeave } from "./parts/dialogs.js";
import { help, register } from "./parts/shortcuts.js";
import { draw, h, soon } from "./parts/tree.js";
import { nextTheme } from "./parts/theming.js";
import { examples } from "./views/examples.js";
import { job } from "./views/job.js";
import { label } from "./views/label.js";
import { node } from "./views/node.js";
import { nodes } from "./views/nodes.js";
import { overview } from "./views/overview.js";
import { signInPage } from "./views/sign_in.js";
import { training } from "./views/training.js";
import { worker } from "./views/worker.js";
import { empty } from "./parts/pieces.js";

const VIEWS = { overview, job, training, examples, label, nodes, node, worker };
const TICK_MS = 10000;
const main = document.getElementById("main");
let shown = null;

function missingView() {
  return {
    title: "Not found",
    draw: () => empty("There is no such page.", h("a", { class: "button", href: "#/" }, "To the overview")),
  };
}

/** Opens the view that the address names and leaves the one before. */
function show() {
  const before = shown;
  before?.leaving.abort();
  before?.view.close?.();
  before?.redraw.stop();
  const route = parse(location.hash);
  const leaving = new AbortController();
  const redraw = soon(() => shown && drawAll());
  const sight = new Sight(leaving.signal, redraw);
  draw(main);
  const view = (VIEWS[route.name] ?? missingView)({ route, sight, redraw, namespace: namespace() });
  shown = { route, leaving, redraw, sight, view };
  drawAll();
  window.scrollTo(0, 0);
  // A reader of screens hears the new page; the first one is read anyway.
  if (before) main.focus({ preventScroll: true });
}

function drawAll() {
  const { route, sight, view } = shown;
  document.title = `${view.title} · Sedna`;
  draw(
    document.getElementById("bar"),
    bar({ route, state: sight.state, namespace: namespace(), isKnown: token() !== "", choose, leave: signOut, redraw: shown.redraw }),
  );
  draw(main, view.draw());
}

function choose(name) {
  showNamespace(name);
  show();
}

/** Goes where the address says, unless a person wants to stay for what is not saved. */
async function move({ oldURL, newURL }) {
  if (!shown) return start();
  if (!shown.view.unsaved?.()) return show();
  // Back to where the view is, which tells nobody; forward again when the answer is yes.
  history.replaceState(null, "", oldURL);
  if (!(await confirmedToLeave())) return;
  history.pushState(null, "", newURL);
  show();
}

/** Whether the GlobalManager lets this window in; null when it does, else what it said. */
async function refusal() {
  try {
    await ask("GET", address("incrementallearningjobs", namespace()), { query: { limit: 1 } });
    return null;
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

let starting = false;

async function start() {
  if (starting) return;
  starting = true;
  const error = await refusal();
  starting = false;
  if (!error || error.code === 0) show();
  else askWho(error);
}

function askWho(error) {
  // What was said about a token that was given; that one is needed, the page says anyway.
  const said = token() ? error.message : null;
  if (error.code === 401) forget();
  shown?.leaving.abort();
  shown?.view.close?.();
  shown = null;
  draw(document.getElementById("bar"), bar({ route: { name: "sign in" }, state: null, redraw: () => {} }));
  draw(main);
  signInPage(main, { said, isKnown: error.code === 403 }, start);
}

register("Everywhere", [
  { keys: "g o", does: "Overview", run: () => (location.hash = "#/") },
  { keys: "g n", does: "Nodes", run: () => (location.hash = "#/nodes") },
  { keys: "t", does: "Light, dark, or as the system is", run: () => nextTheme() && shown?.redraw() },
  { keys: "?", does: "This list", run: help },
]);
session.addEventListener("ended", start);
window.addEventListener("hashchange", move);
window.addEventListener("sedna-theme", () => shown?.redraw());
// Times on the page grow older by themselves.
setInterval(() => !document.hidden && shown?.redraw(), TICK_MS);
start();
