"""Takes the pictures of the dashboard that the documentation shows: `make screenshots`.

A small site runs two rounds, and a third one while it is looked at; what is drawn is the same every time but for times
and the load of the machine.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, DEADLINE_MS, FLAGS
from tests.browser.sites import JOB, Site, draw
from tests.house.project import ROOT

FOLDER = ROOT / "docs" / "images"
LARGEST = 150_000
AT = f"#/jobs/default/{JOB}"


def save(page: Page, name: str) -> None:
    """One PNG with as many colours as its size allows."""
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    for colours in (256, 128, 64, 32):
        data = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(data, "PNG", optimize=True)
        if data.tell() <= LARGEST:
            break
    (FOLDER / f"{name}.png").write_bytes(data.getvalue())
    sys.stdout.write(f"{name}.png: {data.tell()} bytes, {colours} colours\n")


def main() -> None:
    """Run the site, take the pictures, leave nothing behind."""
    pictures = draw(40)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site = Site(Path(folder), epochs=24, epoch_seconds=1.0)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            prepare(site, pictures)
            take(browser, site, pictures)
        finally:
            browser.close()
            site.close()


def prepare(site: Site, pictures: list[Any]) -> None:
    """Three rounds, and seven of ten samples for the next."""
    site.start()
    site.submit()
    site.find_hard(pictures[:30])
    for number in range(3):
        site.run_round(number + 1, pictures[number * 10 : number * 10 + 10])
    site.feed(pictures[:7])


def take(browser: Any, site: Site, pictures: list[Any]) -> None:
    """All pictures, one after the other; the training that runs comes last."""

    def look(hash_: str, *, dark: bool = False, width: int = 1280, height: int = 800) -> Page:
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, color_scheme="dark" if dark else "light", reduced_motion="reduce")
        context.set_default_timeout(DEADLINE_MS)
        page: Page = context.new_page()
        page.goto(f"{site.setup.server}/{hash_}")
        expect(page.locator("#bar .live")).to_have_text("Live")
        expect(page.locator("main")).not_to_contain_text("Looking…")
        return page

    expect.set_options(timeout=DEADLINE_MS)
    page = look("", height=560)
    expect(page.get_by_role("region", name="Nodes").get_by_text(re.compile(r"\d %")).first).to_be_visible()
    save(page, "dashboard-overview")
    page = look(AT, height=1000)
    expect(page.get_by_role("figure")).to_have_count(2)
    save(page, "dashboard-job")
    page = look(f"{AT}/examples", dark=True, width=1040, height=620)
    expect(page.locator(".card:nth-child(-n+9) img.there")).to_have_count(9)
    save(page, "dashboard-hard-examples")
    page.set_viewport_size({"width": 1180, "height": 660})
    page.get_by_role("link", name="Begin labelling").click()
    expect(page.locator(".stage .large.there")).to_be_visible()
    for key in ("j", "j", "j"):
        page.keyboard.press(key)
    save(page, "dashboard-labelling")
    page = look(AT, dark=True, width=390, height=844)
    expect(page.get_by_role("figure")).to_have_count(2)
    save(page, "dashboard-narrow")
    page = look(f"{AT}/training", height=560)
    site.feed(pictures[7:10])
    while not site.begins(4):
        site.feed(pictures[:1])
    bar = page.get_by_role("region", name="Round 4").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", re.compile("^[67]"))
    save(page, "dashboard-training")


if __name__ == "__main__":
    main()
