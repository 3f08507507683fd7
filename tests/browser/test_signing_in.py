"""Who may look: a page for who has a token, where the GlobalManager asks for one; the page itself is open."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from sedna.cli.up import waiting
from tests.browser.conftest import Complaints, Look
from tests.end_to_end.machines import BIN, Machine

pytestmark = pytest.mark.timeout(120)


class Asking(Machine):
    """A GlobalManager that asks everybody for a token, without any node."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._configure(self.setup.gm_config, auth="required")

    def start(self) -> None:
        child = self._begin("gm", [str(BIN / "sedna-gm"), "serve", "--config", str(self.setup.gm_config)])
        assert waiting.until_ready([child], lambda: waiting.answers(self.gm), "GlobalManager not ready", self._stop)

    def token(self, name: str, role: str, *more: str) -> str:
        """Make a token as an operator does."""
        words = ["token", "create", name, "--role", role, "--config", str(self.setup.gm_config), *more]
        done = subprocess.run([str(BIN / "sedna-gm"), *words], capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    machine = Asking(tmp_path_factory.mktemp("asking"))
    try:
        machine.start()
        yield machine
    finally:
        machine.close()


def test_a_token_lets_in_stays_out_of_addresses_and_ends_with_the_window(
    look: Look, asking: Asking, complaints: Complaints
) -> None:
    complaints.expect("status of 401")
    page = look(asking.setup.server, "#/nodes")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Token", exact=True).fill("no.good")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("no token of ours")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    token = asking.token("anna", "viewer")
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("region", name="Hosts with a LocalController")).to_contain_text("No node has joined yet.")
    assert sent
    assert not [url for url in [*sent, page.url] if token in url or token.partition(".")[2] in url]
    other = page.context.new_page()
    complaints.listen(other)
    other.goto(f"{asking.setup.server}/")
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_token_for_one_namespace_is_asked_which(look: Look, asking: Asking, complaints: Complaints) -> None:
    complaints.expect("status of 40[13]")
    page = look(asking.setup.server)
    page.get_by_label("Token", exact=True).fill(asking.token("ben", "editor", "--namespace", "shop"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("namespace")
    page.get_by_label(re.compile("^Namespace")).fill("shop")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Jobs")).to_contain_text("There is no job yet.")


def test_a_token_that_is_taken_back_leads_to_the_sign_in(look: Look, asking: Asking, complaints: Complaints) -> None:
    complaints.expect("status of 401")
    page = look(asking.setup.server)
    page.get_by_label("Token", exact=True).fill(asking.token("carl", "viewer"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Jobs")).to_contain_text("There is no job yet.")
    words = ["token", "revoke", "--person", "carl", "--config", str(asking.setup.gm_config)]
    subprocess.run([str(BIN / "sedna-gm"), *words], capture_output=True, timeout=60, check=True)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
