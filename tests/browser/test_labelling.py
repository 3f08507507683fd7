"""The one thing that only people can do: to label, by keys and by mouse, alone and with others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints, Look
from tests.browser.sites import JOB, Picture, Site, draw
from tests.browser.steps import opened

pytestmark = pytest.mark.timeout(240)
GALLERY = f"#/jobs/default/{JOB}/examples"
HARD = 60


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return draw(12)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, pictures: list[Picture]) -> Iterator[Site]:
    """A job that waits for ten samples, and sixty hard examples."""
    site = Site(tmp_path_factory.mktemp("site"), classes=("person", "helmet", "helmet-on", "<b>vest</b>"))
    try:
        site.start()
        site.submit()
        site.find_hard((pictures * 5)[:HARD])
        yield site
    finally:
        site.close()


@pytest.fixture
def server(site: Site) -> str:
    return str(site.setup.server)


def lines(site: Site) -> list[str]:
    """The dataset's samples."""
    return site.list_file.read_text().splitlines()


def at(name: str) -> str:
    return f"{GALLERY}/{name}"


def boxes(page: Page) -> Locator:
    return page.get_by_role("list", name=re.compile("^Boxes")).get_by_role("listitem")


def point(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the picture (640 × 352) is on the screen."""
    place = page.locator(".boxes").bounding_box()
    assert place is not None
    return place["x"] + x / 640 * place["width"], place["y"] + y / 352 * place["height"]


def drag(page: Page, begin: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*point(page, *begin))
    page.mouse.down()
    page.mouse.move(*point(page, (begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2))
    page.mouse.move(*point(page, *end))
    page.mouse.up()


def test_the_gallery_shows_the_most_uncertain_first_and_goes_on_as_one_scrolls(look: Look, server: str) -> None:
    page = look(server, GALLERY)
    expect(page.get_by_text(f"{HARD} hard, 0 labelled")).to_be_visible()
    cards = page.locator(".card")
    expect(cards.first.locator("img.there")).to_be_visible()
    # A thumbnail, not the picture itself.
    assert cards.first.locator("img").evaluate("image => image.naturalWidth") == 320
    assert cards.first.locator("rect").count() > 0
    page.mouse.wheel(0, 100_000)
    expect(cards).to_have_count(HARD)
    shares = [int(re.findall(r"\d+(?= %)", text)[0]) for text in cards.all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    page.get_by_label("Order").select_option("time")
    expect(page).to_have_url(re.compile("sort=time"))
    expect(cards.first.get_by_role("link")).to_have_attribute("aria-label", re.compile(f"^{HARD - 1:08d}_"))


def test_a_box_is_drawn_pulled_moved_and_removed_by_mouse(look: Look, server: str, site: Site) -> None:
    name = "00000001_frame000015"
    page = look(server, at(name))
    opened(page, name)
    page.keyboard.press("e")
    expect(boxes(page)).to_have_count(0)
    drag(page, (100, 100), (160, 220))
    expect(boxes(page)).to_contain_text(["60 × 120"])
    page.get_by_role("radio", name="helmet-on").click()
    # By its lower right corner.
    drag(page, (160, 220), (200, 240))
    expect(boxes(page)).to_contain_text(["helmet-on, 100 × 140"])
    drag(page, (150, 150), (250, 160))
    drag(page, (400, 50), (460, 90))
    expect(boxes(page)).to_have_count(2)
    page.get_by_role("button", name=re.compile("^Remove .* 60 × 40")).click()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(boxes(page)).to_have_count(1)
    with page.expect_request(lambda request: request.method == "PUT") as sent:
        page.get_by_role("button", name="Save and next").click()
    said = sent.value.post_data_json
    # Which picture of that name was looked at: a camera may use a name again.
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", said.pop("pictureTime"))
    assert said == {"boxes": [{"box": [200, 110, 300, 250], "class": 2}], "version": None}
    expect(page.get_by_role("heading", name=name)).to_have_count(0)
    assert lines(site) == [f"images/{name}.jpg 200,110,300,250,2"]


def test_what_is_not_saved_is_not_left_by_a_link_or_the_way_back_without_a_question(look: Look, server: str) -> None:
    name = "00000002_frame000030"
    page = look(server, GALLERY)
    page.goto(f"{server}/{at(name)}")
    opened(page, name)
    page.get_by_role("link", name="Hard examples").click()
    expect(page.get_by_label("Order")).to_be_visible()
    page.go_back()
    opened(page, name)
    page.keyboard.press("e")
    for leave in (page.go_back, page.get_by_role("link", name="Nodes").click):
        leave()
        page.get_by_role("dialog").get_by_role("button", name="Leave it", exact=True).click()
        expect(page).to_have_url(re.compile(f"{name}$"))
        expect(boxes(page)).to_have_count(0)
    page.get_by_role("link", name="Nodes").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave it unsaved").click()
    expect(page.get_by_role("heading", name="Nodes")).to_be_visible()


def test_every_thing_can_be_done_by_keys(look: Look, server: str, site: Site) -> None:
    name = "00000002_frame000030"
    page = look(server, at(name))
    opened(page, name)
    page.keyboard.press("e")
    page.keyboard.press("n")
    expect(boxes(page)).to_contain_text(["128 × 70"])
    for key in ("4", "Shift+ArrowRight", "ArrowDown", "Control+ArrowLeft", "Control+Shift+ArrowDown"):
        page.keyboard.press(key)
    # A class is a text, whatever is in its name.
    expect(boxes(page)).to_contain_text(["<b>vest</b>, 127 × 80"])
    page.keyboard.press("n")
    page.keyboard.press("Delete")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+y")
    expect(boxes(page)).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name=name)).to_have_count(0)
    assert lines(site)[-1] == f"images/{name}.jpg 266,142,393,222,3"
    page.keyboard.press("Escape")
    expect(page.get_by_text(re.compile(rf"{HARD} hard, \d+ labelled"))).to_be_visible()


def test_two_people_do_not_overwrite_each_other(look: Look, server: str, site: Site, complaints: Complaints) -> None:
    complaints.expect("status of 409")
    name = "00000003_frame000045"
    anna, ben = look(server, at(name)), look(server, at(name))
    for page in (anna, ben):
        opened(page, name)
    anna.keyboard.press("e")
    anna.keyboard.press("n")
    anna.keyboard.press("s")
    expect(anna.get_by_role("heading", name=name)).to_have_count(0)
    there = lines(site)
    ben.keyboard.press("s")
    note = ben.get_by_role("alert").filter(has_text="labelled this one meanwhile, with 1 box")
    expect(note).to_be_visible()
    expect(ben.locator(".theirs")).to_have_count(1)
    note.get_by_role("button", name="Take theirs, and on").click()
    expect(ben.get_by_role("heading", name=name)).to_have_count(0)
    assert lines(site) == there
    assert sum(name in line for line in there) == 1
    # What one has labelled, the other's gallery shows without being asked to.
    ben.keyboard.press("Escape")
    card = ben.get_by_role("link", name=re.compile(f"^{name}.*labelled$"))
    expect(card).to_be_visible()
    card.click()
    expect(ben.get_by_text("It is a sample of the dataset now")).to_be_visible()
    expect(ben.get_by_role("button", name="Save and next")).to_be_disabled()


def test_labels_go_to_other_tools_and_come_back_as_coco(look: Look, server: str, site: Site, tmp_path: Path) -> None:
    page = look(server, GALLERY)
    expect(page.locator(".card").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export COCO").click()
    coco: dict[str, Any] = json.loads(Path(download.value.path()).read_text())
    assert len(coco["images"]) == HARD
    [image] = [one for one in coco["images"] if one["file_name"].startswith("00000004_")]
    kind = coco["categories"][0]["id"]
    box = {"id": 1, "image_id": image["id"], "category_id": kind, "bbox": [10, 20, 30, 40], "area": 1200, "iscrowd": 0}
    back = {"images": [image], "categories": coco["categories"], "annotations": [box]}
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(back))
    page.locator("input[type=file]").set_input_files(path)
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("What it says of 1 picture becomes labels and samples")
    question.get_by_role("button", name="Import").click()
    expect(page.locator("#notices")).to_contain_text("1 labelled.")
    assert lines(site)[-1] == "images/00000004_frame000060.jpg 10,20,40,60,0"
