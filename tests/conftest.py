"""What every test may rely on: no setting of the developer's shell reaches a test."""

from __future__ import annotations

import os

import hypothesis
import pytest

# How long an example takes is the machine's affair; a hang meets the time limit of the test.
# What CI says of a commit it says again the next time; who develops looks for new examples with every run.
hypothesis.settings.register_profile("sedna", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("sedna")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SEDNA_") or name == "KUBECONFIG":
            monkeypatch.delenv(name)
