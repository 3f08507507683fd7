"""The pages about access, typed where they say: on a host whose GlobalManager speaks TLS and asks everybody.

The host's folders (`/etc/sedna`, `/var/lib`, root's home) are folders here, and the address of the pages is this
machine's. A GlobalManager and the LocalController of `edge-1` run as on hosts, but without systemd, which
tests/hosts/documented.py has.
"""

from __future__ import annotations

import grp
import os
import subprocess
from pathlib import Path
from threading import Event

import yaml

from tests.documented.sites import BIN, Desk
from tests.documented.stories import Said, Story
from tests.end_to_end.machines import DEADLINE

# As where nothing is said on a host: commands find their settings by themselves. `certificates` reads none.
SEDNA_GM = """\
#!/bin/sh
case "$1" in certificates) exec {program} "$@" ;; esac
exec {program} "$@" --config {settings}
"""
PAUSE = 0.05


class LockedSite(Desk):
    """A cloud host and, in another folder of it, the host `edge-1`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.etc, self.var, self.edge = folder / "etc-sedna", folder / "var-lib", folder / "edge"
        for each in (self.etc, self.var / "sedna-gm", self.edge, self.var / "sedna", folder / "backups"):
            each.mkdir(parents=True)
        programs = folder / "bin"
        programs.mkdir()
        (programs / "sedna-gm").write_text(SEDNA_GM.format(program=BIN / "sedna-gm", settings=self.settings))
        (programs / "sedna-gm").chmod(0o755)
        self.terminal.set(PATH=f"{programs}:{BIN}:{os.environ['PATH']}")
        self.terminal.go_to(self.home)
        group = grp.getgrgid(os.getgid()).gr_name
        self.words |= {
            "/etc/sedna/": f"{self.etc}/", "/var/lib/": f"{self.var}/", "/root/": f"{self.home}/",
            "/srv/backups/": f"{folder}/backups/", "--group sedna-gm": f"--group {group}", "192.0.2.7": "127.0.0.1",
            "edge-1:/var/lib/sedna/": f"{self.edge}/",
        }  # fmt: skip
        self._daemons: list[subprocess.Popen[bytes]] = []

    @property
    def settings(self) -> Path:
        return self.etc / "gm.yml"

    def serve(self) -> None:
        """Let the GlobalManager begin, with the certificate that the page has made."""
        data = self.var / "sedna-gm"
        tls = {"certificate": str(self.etc / "tls" / "gm.crt"), "key": str(self.etc / "tls" / "gm.key")}
        settings = {
            "listen": "127.0.0.1:0",
            "database": f"sqlite:///{data / 'gm.db'}",
            "artifacts": {"folder": str(data / "artifacts")},
            "audit": {"file": str(data / "audit.log")},
            "backup": {"folder": str(data / "backups")},
            "tls": tls,
        }
        self.settings.write_text(yaml.safe_dump(settings))
        told = self.folder / "address"
        self._begin("gm", "sedna-gm", "serve", "--config", str(self.settings), "--address-file", str(told))
        self.until(lambda: told.exists() and told.read_text().strip() != "", "the GlobalManager serves")
        url = told.read_text().strip()
        self.words |= {"https://gm.example:9000": url, "https://192.0.2.10:9000": url}
        authority = (self.etc / "tls" / "ca.crt").read_text()
        # Where the role leaves it on the cloud host, and where the pages' readers have taken it.
        for place in (self.etc / "gm-ca.crt", self.home / "ca.crt", self.home / "gm-ca.crt"):
            place.write_text(authority)

    def begin_edge(self) -> None:
        """Let the LocalController of `edge-1` begin, which looks for a join token."""
        settings = {
            "nodeName": "edge-1", "gm": self.words["https://gm.example:9000"], "caFile": str(self.home / "ca.crt"),
            "listen": "127.0.0.1:0", "stateDir": str(self.edge), "imagesDir": str(self.folder / "images"),
            "runner": "process", "heartbeatSeconds": 1,
        }  # fmt: skip
        (self.folder / "lc.yml").write_text(yaml.safe_dump(settings))
        self._begin("lc", "sedna-lc", "run", "--config", str(self.folder / "lc.yml"))

    def _begin(self, name: str, program: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            started = subprocess.Popen([str(BIN / program), *words], stdout=log, stderr=log, start_new_session=True)
        self._daemons.append(started)

    def until(self, holds: object, what: str) -> None:
        """Wait for what nobody announces."""
        assert callable(holds)
        pause = Event()
        for _ in range(int(DEADLINE / PAUSE)):
            if holds():
                return
            pause.wait(PAUSE)
        raise AssertionError(f"not in {DEADLINE:.0f} s: {what}")

    def give(self, *words: str) -> str:
        """Make a credential as an administrator does; return what is said."""
        said = self.terminal.type(" ".join(["sedna-gm token create", *words]))
        assert said.status == 0, said.out
        return said.out

    def close(self) -> None:
        for daemon in reversed(self._daemons):
            daemon.terminate()
            daemon.wait(DEADLINE)
        super().close()
        for log in sorted(self.folder.glob("*.log")):
            print(f"--- {log}\n{log.read_text(errors='replace')[-4000:]}")


def served(site: LockedSite, said: Said) -> None:
    site.serve()


def token_is_kept(site: LockedSite, said: Said) -> None:
    """The page's token has another id here."""
    site.words["n3k2x8yq0v7d"] = said.out.split(".")[0].split()[-1]


def has_kubeconfig(site: LockedSite) -> None:
    """Ann has been given her file, and a token in one."""
    url, authority = site.words["https://gm.example:9000"], site.home / "ca.crt"
    given = f"--kubeconfig {site.home}/ann.kubeconfig --server {url} --ca {authority}"
    (site.home / "ann.kubeconfig").unlink(missing_ok=True)
    site.give("ann", "--role", "viewer", given)


def has_header(site: LockedSite) -> None:
    """The file `header` holds a token of somebody who may look everywhere."""
    (site.home / "header").write_text(f"Authorization: Bearer {_token(site, 'bob --role viewer', 'bob.token')}\n")


def has_join_header(site: LockedSite) -> None:
    (site.home / "join-header").write_text(f"Authorization: Bearer {_token(site, '--node edge-1', 'join.token')}\n")


def has_ann_token(site: LockedSite) -> None:
    _token(site, "ann --role viewer", "ann.token")


def has_anna_token(site: LockedSite) -> None:
    _token(site, "anna --role viewer", "anna.token")


def _token(site: LockedSite, words: str, name: str) -> str:
    file = site.home / name
    file.unlink(missing_ok=True)
    site.give(words, "--file", str(file))
    return file.read_text().strip()


def joined(site: LockedSite, said: Said) -> None:
    """The token is where the page brings it, and the host joins by it."""
    assert (site.edge / "join-token").stat().st_mode & 0o077 == 0
    site.begin_edge()
    site.until((site.edge / "node-key.json").exists, "edge-1 has a key")
    site.until(lambda: not (site.edge / "join-token").exists(), "the join token is used up")


def refused(site: LockedSite) -> None:
    """Somebody has tried what their role does not allow."""
    has_kubeconfig(site)
    told = site.terminal.type(f"KUBECONFIG={site.home}/ann.kubeconfig sedna delete dataset nobody")
    assert told.status != 0, told.out


def has_refusal(site: LockedSite, said: Said) -> None:
    assert '"code":403' in said.out, said.out


def backed_up(site: LockedSite) -> None:
    site.until(lambda: any((site.var / "sedna-gm" / "backups").glob("gm-*.db")), "it has copied its database")


ACCESS = "docs/howto/access.md"
STORIES = (
    Story(
        "docs/howto/joining.md", "The server's certificate",
        after={"sedna-gm certificates create": served},
    ),
    Story("docs/howto/operating.md", "Certificates and keys", apart=("systemctl",)),
    Story(
        ACCESS, "People", before={"kubectl --kubeconfig": has_kubeconfig, "curl": has_header},
        after={"sedna-gm token create ann": token_is_kept},
    ),
    Story(
        ACCESS, "Hosts",
        after={"scp": joined},
    ),
    Story(ACCESS, "A credential was stolen"),
    Story(ACCESS, "The audit log", before={"jq": refused}, after={"jq": has_refusal}),
    Story("docs/howto/joining.md", "A person calls", before={"export KUBECONFIG": has_kubeconfig}),
    Story(
        "docs/api.md", "Get in",
        # The key of the page is nobody's yet, whatever Ann's token was called.
        words={"n3k2x8yq0v7d": "n3k2x8yq0v7d"},
        before={"(umask 077; printf": has_ann_token, "curl --cacert ca.crt -H @join-header": has_join_header},
    ),
    Story("docs/howto/dashboard.md", "Who may look, and do"),
    Story("docs/monitoring/README.md", "The GlobalManager", before={"curl": has_header}),
    Story(
        "docs/install.md", "Who gets in", before={"printf 'header": has_anna_token},
        pasted={"(umask 077; cat > /var/lib/sedna/join-token)": "ID.SECRET\n"},
    ),
    Story("docs/howto/operating.md", "Back up the GlobalManager", before={"ls": backed_up}),
)  # fmt: skip
