"""What is typed in a clone: on the machine from which hosts are installed, up to where it reaches for them or for a
package index, and by who works on the project.

pip resolves here what it would install (`tests.documented.sites.PIP`); the hosts' part of these sections is in
tests/hosts/documented.py.
"""

from __future__ import annotations

import shutil

from tests.documented.sites import BIN, Desk
from tests.documented.stories import Said, Story
from tests.house.project import ROOT


def at_the_site(desk: Desk) -> None:
    """The stick is carried to another machine."""
    (desk.folder / "site").mkdir()
    desk.terminal.go_to(desk.folder / "site")
    desk.terminal.begin_anew()


def carries(desk: Desk, said: Said) -> None:
    """What was packed without its environment is there again."""
    assert (desk.terminal.folder / "playbooks" / "site.yml").is_file()
    assert not (desk.terminal.folder / ".venv").exists()


def out_of_environment(desk: Desk, said: Said) -> None:
    """The environment of the page was made and can be activated. It is empty, and pip finds nothing here to fill it."""
    environment = desk.terminal.folder / ".venv"
    assert desk.terminal.type("command -v python3").out.strip() == str(environment / "bin" / "python3")
    desk.terminal.begin_anew()


def untidy(desk: Desk) -> None:
    """A small project with our settings, the environment of these tests, and a file that nobody has formatted."""
    folder = desk.folder / "untidy"
    folder.mkdir()
    # Copies: what is formatted is written.
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").symlink_to(BIN.parent)
    (folder / "module.py").write_text('"""A module."""\nx=1\ny = 2 if x==1 else 3\nimport os\n')
    desk.terminal.go_to(folder)


def is_tidy(desk: Desk, said: Said) -> None:
    text = (desk.terminal.folder / "module.py").read_text()
    assert "x = 1" in text, "formatted"
    assert "import os" not in text, "an import that is not used was removed"


INSTALL = "docs/install.md"
STORIES = (
    Story(INSTALL, "1. The control machine", after={"python3 -m venv": out_of_environment}),
    Story(
        INSTALL, "No network at the site", apart=("pip download",),
        before={"tar -xf": at_the_site}, after={"tar -xf": carries, "python3 -m venv": out_of_environment},
    ),
    Story(INSTALL, "3. The inventory", apart=("ansible all",)),
    Story(
        "CONTRIBUTING.md", "Setting up", apart=("make test", "make check"),
        # The environment is there, and is not to be made anew by a test.
        words={"make format": "make --assume-old=set-up-dev format"},
        before={"make format": untidy}, after={"make format": is_tidy},
    ),
)  # fmt: skip
