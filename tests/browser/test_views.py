"""Each view of the dashboard, in a real browser against a real GlobalManager and two nodes, while things happen."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sedna.api.kinds import by_kind
from sedna.cli.client import path_of
from tests.browser.conftest import Complaints, Look
from tests.browser.sites import JOB, Picture, Site, draw

pytestmark = pytest.mark.timeout(240)
AT = f"#/jobs/default/{JOB}"
VIEWS = (
    "#/",
    AT,
    f"{AT}/training",
    f"{AT}/examples",
    f"{AT}/examples/00000003_frame000045",
    "#/nodes",
    "#/nodes/edge-node",
    f"#/workers/default/{JOB}-inference",
)


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return draw(10)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, pictures: list[Picture]) -> Iterator[Site]:
    """A job with one finished round, half of the samples for the next, and some hard examples."""
    site = Site(tmp_path_factory.mktemp("site"), epochs=6, epoch_seconds=0.5)
    try:
        site.start()
        site.submit()
        site.find_hard(pictures)
        site.run_round(1, pictures)
        site.feed(pictures[:5])
        yield site
    finally:
        site.close()


@pytest.fixture
def server(site: Site) -> str:
    return str(site.setup.server)


def ready(page: Page) -> None:
    expect(page.locator("#bar .live")).to_have_text("Live")


def test_the_overview_says_what_needs_a_person_how_jobs_go_and_how_nodes_are(look: Look, server: str) -> None:
    page = look(server)
    needs = page.get_by_role("region", name="Needs a person")
    expect(needs).to_contain_text("5 more labelled samples are needed for the next round.")
    job = page.get_by_role("region", name="Jobs")
    expect(job).to_contain_text("round 1")
    expect(job).to_contain_text(re.compile(r"precision 0\.\d+"))
    expect(job.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "5")
    nodes = page.get_by_role("region", name="Nodes")
    expect(nodes.get_by_text("Ready")).to_have_count(2)
    # The load is asked of the nodes themselves.
    expect(nodes.get_by_role("row", name="edge-node").get_by_role("cell").nth(2)).to_have_text(re.compile(r"\d+ %"))
    needs.get_by_role("link", name="Label hard examples").click()
    expect(page.get_by_role("link", name="Hard examples")).to_have_attribute("aria-current", "page")


def test_a_round_opens_its_whole_record_in_place(look: Look, server: str, site: Site) -> None:
    page = look(server, AT)
    row = page.get_by_role("button", name=re.compile("^Round 1 Deployed"))
    row.click()
    record = page.get_by_role("region", name="Record of round 1")
    told = site.rounds(JOB)[0]
    for word in (
        told["message"],
        told["models"]["new"]["sha256"][:8],
        f"0 up to {told['samples']['end']}",
        "Train on cloud",
    ):
        expect(record).to_contain_text(word)
    expect(record.get_by_role("row", name="precision")).to_contain_text("+0.")
    record.get_by_role("link", name="Training").click()
    expect(page.get_by_role("log")).to_contain_text("epoch 6 of 6")


def test_the_job_says_why_and_draws_metrics_and_versions(look: Look, server: str) -> None:
    page = look(server, AT)
    why = page.get_by_role("region", name="Why")
    expect(why).to_contain_text("num_of_samples > 9")
    expect(why.get_by_role("heading", name="Triggers")).to_be_visible()
    expect(why).to_contain_text("The model of round 1 serves on node edge-node since")
    chart = page.get_by_role("figure", name=re.compile("^precision: new from"))
    expect(chart).to_contain_text(re.compile(r"new 0\.\d+"))
    assert chart.locator("canvas").evaluate(INKED) > 200
    versions = page.get_by_role("region", name="Versions of helmets-served")
    expect(versions.get_by_role("listitem")).to_have_count(2)
    expect(versions).to_contain_text("Deployed")


# How many points of a canvas somebody has drawn.
INKED = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, place) => place % 4 === 3 && value > 0).length;
}"""
# Notes every state that the drawn machine goes through, by the sentence that a reader of screens hears.
NOTES = """() => {
  window.states = [];
  const note = () => {
    const now = document.querySelector(".machine")?.getAttribute("aria-label").split(".")[0];
    if (now && now !== window.states.at(-1)) window.states.push(now);
  };
  note();
  new MutationObserver(note).observe(document.body, { subtree: true, attributes: true, childList: true });
}"""


def test_a_round_is_seen_live_from_the_last_sample_to_the_new_model(
    look: Look, server: str, site: Site, pictures: list[Picture]
) -> None:
    page = look(server, AT)
    training = look(server, f"{AT}/training")
    ready(page)
    ready(training)
    before = len(site.rounds(JOB))
    page.evaluate(NOTES)
    new = site.get("IncrementalLearningJob", JOB)["status"]["samples"]["new"]
    site.feed(pictures[: 10 - new])
    while not site.begins(before + 1):
        site.feed(pictures[:1])
    # The other window watches the training itself.
    panel = training.get_by_role("region", name=f"Round {before + 1}")
    bar = panel.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", re.compile("^[1-9]"))
    expect(panel).to_contain_text(re.compile("ends (in|now)|ended"))
    expect(panel.get_by_role("figure", name=re.compile("^loss"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(f"Round {before + 1} Deployed"))).to_be_visible()
    expect(page.get_by_role("region", name="State")).to_contain_text("Waits for samples")
    states = page.evaluate("window.states")
    wanted = ["Train: Waiting", "Train: Running", "Eval: Running", "Train: Waiting"]
    assert is_within(wanted, states), states
    assert any(state.startswith("Deploy") for state in states), states
    expect(bar).to_have_attribute("aria-valuenow", "100")
    assert page.locator("#said").text_content()


def is_within(wanted: list[str], found: list[str]) -> bool:
    """Whether all of it comes in this order, with anything in between."""
    left = iter(found)
    return all(one in left for one in wanted)


def test_a_job_is_paused_and_resumed_after_a_question(look: Look, server: str, site: Site) -> None:
    page = look(server, AT)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave it").click()
    assert "sedna.io/paused" not in (site.get("IncrementalLearningJob", JOB)["metadata"].get("annotations") or {})
    page.get_by_role("button", name="Pause").click()
    # The button that does it has the focus.
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert site.get("IncrementalLearningJob", JOB)["metadata"]["annotations"]["sedna.io/paused"] == "true"
    other = look(server)
    expect(other.get_by_role("region", name="Needs a person")).to_contain_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(other.get_by_role("region", name="Needs a person")).not_to_contain_text("paused")


def test_an_older_version_is_served_again_when_somebody_asks(look: Look, server: str, site: Site) -> None:
    page = look(server, AT)
    versions = page.get_by_role("region", name="Versions of helmets-served")
    versions.get_by_role("button", name="Roll back to the manifest's file").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(versions.get_by_role("listitem").filter(has_text="The manifest's file")).to_contain_text("Deployed")


def test_nodes_tell_their_use_and_what_runs_on_them(look: Look, server: str) -> None:
    page = look(server, "#/nodes")
    expect(page.get_by_role("img", name=re.compile(r"CPU of edge-node: \d+ %"))).to_be_visible()
    page.get_by_role("link", name="edge-node").click()
    expect(page.get_by_role("figure", name=re.compile("^Processors"))).to_be_visible()
    row = page.get_by_role("row", name=re.compile(f"{JOB}-inference"))
    expect(row).to_contain_text(f"sedna-worker-default-{JOB}-inference")
    expect(row).to_contain_text("MiB")
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name=f"{JOB}-inference", level=1)).to_be_visible()


def test_the_log_of_a_worker_that_is_gone_opens_from_the_record_of_its_round(
    look: Look, server: str, site: Site
) -> None:
    worker = f"{JOB}-train-1"
    if site.gm.find(path_of(by_kind("Worker"), "default", worker)) is not None:
        # As the next round does.
        site.gm.ask("DELETE", path_of(by_kind("Worker"), "default", worker))
        site.until_gone("Worker", worker)
    page = look(server, AT)
    page.get_by_role("button", name=re.compile("^Round 1 Deployed")).click()
    page.get_by_role("region", name="Record of round 1").get_by_role("link", name="Training").click()
    expect(page.get_by_role("heading", name=worker, level=1)).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("epoch 6 of 6")
    about = page.get_by_role("region", name="The worker")
    for word in ("Training", "cloud", "Its node keeps what the last twenty workers"):
        expect(about).to_contain_text(word)
    expect(page.get_by_text("Gone", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("ollow"))).to_have_count(0)


def test_a_log_goes_on_while_somebody_looks(look: Look, server: str) -> None:
    page = look(server, f"#/workers/default/{JOB}-inference")
    log = page.get_by_role("log")
    expect(log).to_contain_text("looked at")
    frames = max(map(int, re.findall(r"looked at (\d+) frames", log.text_content() or "")))
    expect(log).to_contain_text(f"looked at {frames + 100} frames")
    page.get_by_role("button", name="Stop following").click()
    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()


def test_what_is_shown_is_live_again_after_the_global_manager_was_away(
    look: Look, server: str, site: Site, complaints: Complaints
) -> None:
    complaints.expect("ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY|503|504")
    page = look(server)
    ready(page)
    site.kill("gm")
    expect(page.locator("#bar .live")).to_have_text("Cut off")
    expect(page.get_by_role("region", name="Jobs")).to_contain_text(JOB)
    site.start_gm()
    ready(page)


def test_many_windows_of_one_browser_do_not_keep_one_another_from_the_server(
    look: Look, server: str, site: Site, pictures: list[Picture], complaints: Complaints
) -> None:
    """A browser opens six connections to an address; three windows would hold nine with watches."""
    first = look(server)
    pages = [first]
    for _ in range(2):
        pages.append(first.context.new_page())
        complaints.listen(pages[-1])
        pages[-1].goto(f"{server}/")
    states = [page.locator("#bar .live") for page in pages]
    for state in states:
        expect(state).to_have_text(re.compile("Live|Asking"))
    assert "Asking" in [state.inner_text() for state in states]
    before = site.get("IncrementalLearningJob", JOB)["status"]["samples"]["new"]
    site.feed(pictures[:1])
    for page in pages:
        meter = page.get_by_role("region", name="Jobs").get_by_role("progressbar")
        expect(meter).to_have_attribute("aria-valuenow", str(before + 1))
    pages[-1].get_by_role("region", name="Jobs").get_by_role("link", name=JOB).click()
    expect(pages[-1].get_by_role("region", name="Why")).to_contain_text("num_of_samples")


@pytest.mark.parametrize("hash_", VIEWS)
@pytest.mark.parametrize(("width", "dark"), [(360, False), (1600, True)], ids=["narrow", "wide-and-dark"])
def test_no_view_is_wider_than_its_window_and_every_control_has_a_name(
    look: Look, server: str, hash_: str, width: int, dark: bool
) -> None:
    page = look(server, hash_, width=width, dark=dark)
    ready(page)
    expect(page.locator("main")).not_to_contain_text("Looking…")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if hash_ == "#/nodes":
        # Nothing of it is cut off: in a narrow window each node is a card.
        assert page.locator(".scroll").evaluate("place => place.scrollWidth - place.clientWidth") == 0
        expect(page.get_by_role("main")).to_contain_text("process")
    assert page.evaluate(NAMELESS) == []


# Controls and pictures that a reader of screens could not tell, and headings that skip a level.
NAMELESS = """() => {
  const named = (node) =>
    node.getAttribute("aria-label") || node.textContent.trim() || node.labels?.[0]?.textContent.trim() || node.title;
  const kinds = "button, a[href], input, select, [role=progressbar], [role=img], [tabindex='0']";
  const controls = [...document.querySelectorAll(kinds)];
  const found = controls.filter((node) => !named(node)).map((node) => node.outerHTML.slice(0, 120));
  const heads = [...document.querySelectorAll("main :is(h1, h2, h3)")].map((node) => Number(node.localName[1]));
  if (heads.length && heads[0] !== 1) found.push("the first heading is no h1");
  heads.forEach((head, place) => head > (heads[place - 1] ?? head) + 1 && found.push(`an h${head} skips a level`));
  return found;
}"""


def test_keys_lead_everywhere_and_a_list_says_which(look: Look, server: str) -> None:
    page = look(server)
    ready(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Nodes")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("#/nodes$"))
    expect(page.get_by_role("heading", name="Nodes", level=1)).to_be_visible()


def test_light_or_dark_is_chosen_by_a_switch_and_kept(look: Look, server: str) -> None:
    page = look(server)
    ready(page)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name=re.compile("^Colours")).click()
    assert page.evaluate(ground) == light
    page.get_by_role("button", name=re.compile("^Colours: Light")).click()
    assert page.evaluate(ground) != light
    page.reload()
    ready(page)
    assert page.evaluate(ground) != light


def test_a_deleted_job_is_gone_after_a_question(look: Look, server: str, site: Site) -> None:
    """The last one of this file: nothing is left after it."""
    page = look(server, AT)
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot be taken back")
    dialog.get_by_role("button", name=f"Delete {JOB}").click()
    site.until_gone("IncrementalLearningJob", JOB)
    expect(page.get_by_role("region", name="Jobs")).to_contain_text("There is no job yet.")
