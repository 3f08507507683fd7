"""A real Chromium, and a person who looks at the dashboard with it.

Whatever the page complains about (an error, a warning, something that its policy forbids) fails the test. Each page is
kept as a picture below `build/screenshots` when its test ends.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house.project import ROOT

REQUIRED = os.environ.get("SEDNA_TEST_REQUIRE", "").replace(",", " ").split()
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SCREENSHOTS = ROOT / "build" / "screenshots"
# How long anything may take on two busy cores; it only decides how long a failure takes.
DEADLINE_MS = 60_000

Look = Callable[..., Any]


def installed() -> tuple[str, Callable[[], Any]]:
    """The browser's path and what starts it; skips the test where they are not installed and may not be."""
    there = shutil.which(CHROMIUM)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        there = None
    if there is None:
        if "chromium" in REQUIRED:
            pytest.fail("chromium or playwright is not there, and SEDNA_TEST_REQUIRE names chromium")
        pytest.skip("chromium (Debian: chromium) or playwright is not installed")
    return there, sync_playwright


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser, started once for the tests of a file."""
    there, sync_playwright = installed()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=there, args=list(FLAGS))
        yield browser
        browser.close()


class Complaints:
    """What pages have complained about. A call that the server has refused is told by the browser as an error, too;
    what of that a test expects it names."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.expected: list[str] = []

    def listen(self, page: Any) -> None:
        page.on("pageerror", lambda error: self.heard.append(f"error: {error}"))
        page.on("console", self._console)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.heard.append(f"{message.type}: {message.text} {(message.location or {}).get('url', '')}")

    def expect(self, pattern: str) -> None:
        self.expected.append(pattern)

    @property
    def unexpected(self) -> list[str]:
        return [line for line in self.heard if not any(re.search(one, line) for one in self.expected)]


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def look(chromium: Any, complaints: Complaints, request: pytest.FixtureRequest) -> Iterator[Look]:
    """Opens a window: `look(server, "#/nodes", width=360, dark=True)`. Windows of one test share nothing."""
    from playwright.sync_api import expect

    expect.set_options(timeout=DEADLINE_MS)
    contexts: list[Any] = []

    def opened(server: str, hash_: str = "", *, width: int = 1280, height: int = 860, dark: bool = False) -> Any:
        scheme = "dark" if dark else "light"
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce",
            accept_downloads=True,
        )  # fmt: skip
        contexts.append(context)
        context.set_default_timeout(DEADLINE_MS)
        page = context.new_page()
        complaints.listen(page)
        page.goto(f"{server}/{hash_}")
        return page

    yield opened
    for number, context in enumerate(contexts):
        for page in context.pages:
            _keep(page, f"{request.node.name}-{number}" if number else str(request.node.name))
        context.close()
    assert complaints.unexpected == []


def _keep(page: Any, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path: Path = SCREENSHOTS / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:100]}.png"
    page.screenshot(path=str(path))
