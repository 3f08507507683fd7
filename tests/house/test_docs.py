"""What the pages say must hold: manifests validate, links lead somewhere, the command's page is the command's."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sedna.api import yaml12
from sedna.api.validating import validate
from tests.house.project import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def fenced(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}(?: [^\n]*)?\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def manifests() -> list[tuple[str, str]]:
    """Everything in the pages that claims to be a manifest: fenced as YAML, or handed to curl."""
    found = []
    for page in PAGES:
        texts = [t for t in fenced(page, "yaml") if "apiVersion: sedna.io" in t]
        texts += re.findall(r"<<'?END'?\n(.*?)^END", page.read_text(encoding="utf-8"), re.M | re.S)
        found += [(f"{page.relative_to(ROOT)}-{number}", text) for number, text in enumerate(texts, 1)]
    return found


@pytest.mark.parametrize(("where", "text"), manifests(), ids=lambda value: value if "\n" not in value else "")
def test_a_manifest_in_a_page_is_accepted(where: str, text: str) -> None:
    documents = yaml12.load_documents(text)
    assert documents
    for document in documents:
        assert validate(document, strictness="Strict").warnings == ()


def test_there_are_manifests_to_check() -> None:
    assert len(manifests()) >= 2


@every_page
def test_yaml_in_a_page_is_yaml(page: Path) -> None:
    for text in fenced(page, "yaml"):
        yaml12.load_documents(text)


@every_page
def test_python_in_a_page_is_python(page: Path) -> None:
    for text in fenced(page, "python"):
        ast.parse(text)


@every_page
def test_links_to_files_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("script", ["cli_reference", "settings_reference", "measured_reference"])
def test_a_page_that_is_written_from_the_code_says_what_the_code_says(script: str) -> None:
    """Run `make references` after a command or a setting has changed, or something was measured."""
    module = _script(script)
    assert module.PAGE.read_text(encoding="utf-8") == module.page()


def test_the_curves_of_the_page_are_those_that_were_measured() -> None:
    module = _script("measured_reference")
    assert module.CURVES.read_bytes() == module.curves()


def _script(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", ["manifests_reference", "man_reference"])
def test_manual_pages_schemas_and_the_manifests_page_say_what_the_code_says(script: str) -> None:
    """Run `make references` after a command or a type of `sedna.api` has changed."""
    files = _script(script).files()
    for path, text in files.items():
        assert path.read_text(encoding="utf-8") == text, path
    for folder in {path.parent for path in files} - {ROOT / "docs"}:
        assert set(folder.iterdir()) == {path for path in files if path.parent == folder}


@pytest.mark.parametrize(("where", "text"), manifests(), ids=lambda value: value if "\n" not in value else "")
def test_an_editor_is_told_the_same_of_a_manifest_as_the_server_says(where: str, text: str) -> None:
    folder = ROOT / "docs" / "schemas"
    for document in yaml12.load_documents(text):
        schema = json.loads((folder / f"{document['kind'].lower()}.json").read_text())
        jsonschema.validate(document, schema)
        wrong = {**document, "spec": {**document["spec"], "nobodyKnowsThis": 1}}
        with pytest.raises(jsonschema.ValidationError, match="nobodyKnowsThis"):
            jsonschema.validate(wrong, schema)


def test_commands_in_the_readme_are_targets_of_the_makefile() -> None:
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        for target in re.findall(r"^\$ make ([a-z-]+)", page.read_text(encoding="utf-8"), re.M):
            assert target in made, f"{page.name}: make {target}"
