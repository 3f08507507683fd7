"""What a person does who labels, button by button."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def begin_labelling(page: Page) -> None:
    """From the overview to the first example that has no label."""
    page.get_by_role("link", name="Label hard examples").click()
    page.get_by_role("link", name="Begin labelling").click()


def opened(page: Page, name: str) -> None:
    """Wait until the example and its picture are there."""
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    expect(page.locator(".stage .large.there")).to_be_visible()


def save(page: Page) -> None:
    """Save what there is, as the model predicted it, and wait for the next one."""
    name = page.get_by_role("heading", level=1).inner_text()
    opened(page, name)
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_role("heading", name=name)).to_have_count(0)
