"""The pages' commands that no story types: those that tests of hosts or CI run in other words, and those nobody runs.

What another file is said to run it must name: `named_in` takes from a command what has to stand there. So a row whose
file no longer does it is found by `tests.house.test_documented`, as is one that no command needs any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.documented.commands import Command, without_comment


@dataclass(frozen=True)
class Run:
    """Commands that a file runs: a test of hosts, a playbook of molecule's scenarios, or CI."""

    command: str
    """A pattern of the whole command."""
    by: str
    """The file."""

    def holds(self, command: Command) -> bool:
        return re.fullmatch(self.command, without_comment(command.text)) is not None


@dataclass(frozen=True)
class NotRun:
    """Commands that nothing runs, with the reason."""

    command: str
    because: str

    def holds(self, command: Command) -> bool:
        return re.fullmatch(self.command, without_comment(command.text)) is not None


PLAY = r"ansible-playbook playbooks/"
RUN = (
    # `make test-hosts` installs by them; what an inventory is called is the reader's affair.
    Run(rf"(?:git pull && )?{PLAY}bundle\.yml(?: -e '.*')?", "molecule/prepare.yml"),
    Run(r"ansible-playbook (?:-i inventory/my-site )?playbooks/site\.yml", "molecule/converge.yml"),
    Run(rf"{PLAY}verify\.yml", "molecule/verify.yml"),
    Run(rf"{PLAY}upgrade\.yml", "tests/hosts/test_upgrade.py"),
    Run(rf"{PLAY}remove\.yml(?: -e \S+)*", "tests/hosts/test_upgrade.py"),
    Run(rf"{PLAY}backup\.yml", "tests/hosts/test_backups.py"),
    Run(rf"{PLAY}restore\.yml --limit edge-1 -e \S+", "tests/hosts/test_backups.py"),
    Run(r"make (?:test|check)", ".ci/run"),
    Run(r"make set-up && \. \.venv/bin/activate", ".ci/run"),
)
NOT_RUN = (
    NotRun(r"make bench(?: \w+=\S+)?", "it measures for half an hour; tests/benchmarks has each group at a small size"),
    NotRun(r"make demo", "it trains for minutes: `make test-demo` plays it, and tests/examples has its parts"),
    NotRun(r"pip download .*", "it fetches from a package index, and tests do not"),
    NotRun(r"ansible-playbook -i inventory/local playbooks/site\.yml", "it installs on the machine where it is typed"),
    NotRun(r"sudo journalctl -fu sedna-demo", "it looks at the demo that the command above installs"),
)


def named_in(command: Command) -> list[str]:
    """Return the patterns of what a file that runs a command has to say: its playbook and variables, or its target."""
    text = without_comment(command.text)
    if target := re.match(r"make ([\w-]+)", text):
        return [rf"(?m)^make {target[1]}$"]
    playbooks = re.findall(r"playbooks/(\w+)\.yml", text)
    assert playbooks, f"{command} is neither a playbook nor a target of make"
    variables = re.findall(r"\b(sedna_\w+)(?==|\":)", text)
    return [
        *(rf'\bplay\(\w+, "{name}"|import_playbook: \.\./playbooks/{name}\.yml' for name in playbooks),
        *(rf"\b{name}\b" for name in variables),
    ]
