"""Where the pages' commands are typed: a folder that stands for the reader's machine, and what runs in it.

`Desk` is a machine with a clone of the project and no Sedna; `OpenSite` one where the pages' own `sedna up` runs.
What the pages call things, and what they are called here, is in `words`, and nowhere else but in a story that needs
another one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.documented.commands import Command
from tests.documented.stories import Said
from tests.documented.terminals import DEADLINE, Terminal
from tests.end_to_end.clusters import Cluster
from tests.end_to_end.machines import end_processes_below
from tests.house.project import ROOT

BIN = Path(sys.executable).parent
# What a clone has that the pages' commands read; as links, so that a clone is what is tested here.
CLONED = (
    "LICENSE", "README.md", "Makefile", "ansible.cfg", "examples", "man", "playbooks", "pyproject.toml", "roles",
    "sedna", "sedna_gm", "sedna_lc",
)  # fmt: skip
# A page's curl would say 404 and end well.
CURLRC = "silent\nshow-error\nfail-with-body\n"
# pip finds here what it would download: what is installed for the tests. It resolves, builds and installs nothing.
PIP = {"PIP_DRY_RUN": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def repository(root: Path, folder: Path) -> Path:
    """Return what a reader clones: the project's repository, or one made in a folder where only its files are here."""
    if (root / ".git").exists():
        return root
    made = folder / "repository"
    subprocess.run(["git", "init", "--quiet", str(made)], check=True)
    git = ["git", f"--git-dir={made}/.git", f"--work-tree={root}", "-c", "user.name=tests", "-c", "user.email=tests@"]
    subprocess.run([*git, "add", "playbooks", "inventory"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message=The files that are here"], check=True)
    return made


class Desk:
    """A reader's machine: a home, a clone, a terminal in it, whose commands may take `deadline` seconds each."""

    def __init__(self, folder: Path, deadline: float = DEADLINE) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / ".curlrc").write_text(CURLRC)
        (self.home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
        self.clone = folder / "clone"
        self.clone.mkdir()
        for name in CLONED:
            (self.clone / name).symlink_to(ROOT / name)
        environment = {
            "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "dumb",
            "EDITOR": "cat", **PIP,
        }  # fmt: skip
        self.terminal = Terminal(folder / "kept", self.clone, environment, deadline)
        self.words: dict[str, str] = {"git clone …": f"git clone --quiet {repository(ROOT, folder)}"}

    def type(self, command: Command, text: str, until: str | None, pasted: str) -> Said:
        return self.terminal.follow(text, until) if until else self.terminal.type(text, pasted)

    def close(self) -> None:
        """End whatever was begun here."""
        self.terminal.interrupt()
        end_processes_below(self.folder)


class OpenSite(Desk):
    """What a reader has who types `sedna up`; one after the other, where several pages begin with it."""

    cluster: Cluster
    """What the present `sedna up` knows, for what a story has to wait for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # The ports of the pages may be taken here. And an image's environment would come from a package index.
        self.words |= {"/tmp/first": str(folder / "first")}
        self.words |= {"sedna up &": "sedna up --port 0 --lc-port 0", "sedna up": "sedna up --port 0 --lc-port 0"}
        for tag in ("helmets:v1", "sedna/example-digits:v1"):
            self.words[f"-t {tag}"] = f"-t {tag} --python {sys.executable}"

    def type(self, command: Command, text: str, until: str | None, pasted: str) -> Said:
        if not text.startswith("sedna up"):
            return super().type(command, text, until, pasted)
        self.stop()
        said = self.terminal.leave_going(text, "Sedna is up in")
        settings = yaml.safe_load((self.terminal.folder / "gm.yml").read_text())
        server = f"http://{settings['listen']}"
        self.cluster = Cluster(server)
        self.up = self.terminal.folder
        door = yaml.safe_load((self.up / "lc.yml").read_text())["listen"]
        self.words |= {"http://127.0.0.1:9000": server, "http://127.0.0.1:9100": f"http://{door}"}
        # In the page's next terminal, as the port is not the default one.
        self.terminal.set(SEDNA_SERVER=server)
        return said

    def stop(self) -> None:
        """Press Ctrl-C where `sedna up` runs; a good end is expected."""
        if hasattr(self, "cluster"):
            self.cluster.gm.close()
            self.terminal.interrupt()

    def close(self) -> None:
        try:
            self.stop()
        finally:
            super().close()
            for log in sorted(self.folder.glob("**/logs/*.log")):
                print(f"--- {log}\n{log.read_text(errors='replace')[-4000:]}")
