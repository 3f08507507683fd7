"""Units as files: the text of an installed worker and of a job's target, and putting them in place.

Rendering is pure. Quoting follows systemd.syntax(7): every value that a user may choose is quoted, `%` is doubled,
and the program runs with `:`, so that systemd expands nothing in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from sedna_lc.runners.base import UnitSpec
from sedna_lc.runners.errors import UnitRefused
from sedna_lc.runners.systemd import properties

_HEADER = "# Managed by the Sedna LocalController; changes are lost. Use drop-ins (systemctl edit) instead.\n"


def render_service(spec: UnitSpec, user: str | None, sandbox: bool) -> str:
    """The unit file of a worker that comes back after a reboot."""
    sections: dict[str, list[str]] = {"Unit": [], "Service": []}
    for item in properties.settings(spec, user, sandbox):
        text = quote_description(item.text) if item.key == "Description" else item.text
        sections[item.section].append(f"{item.key}={text}")
    program, environment = properties.program_of(spec)
    service = sections["Service"]
    service.append("ExecStart=:" + " ".join(quote(word) for word in program))
    service.append("WorkingDirectory=" + spec.working_directory.replace("%", "%%"))
    service.extend("Environment=" + quote(f"{name}={value}") for name, value in environment.items())
    for bind in spec.binds:
        key = "BindReadOnlyPaths" if bind.read_only else "BindPaths"
        ignore = "-" if properties.may_be_missing(bind) else ""
        service.append(f"{key}={quote(ignore + bind.source)}:{quote(bind.target)}")
    for name, path in sorted(spec.credentials.items()):
        # Not quoted: systemd takes what follows the colon as it stands.
        service.append(f"LoadCredential={name}:{path.replace('%', '%%')}")
    install = [f"WantedBy={spec.target or 'multi-user.target'}"]
    return _HEADER + "\n".join(_section(name, lines) for name, lines in (*sections.items(), ("Install", install)))


def render_target(name: str) -> str:
    """The unit file of the target on which all units of a job hang."""
    unit = [f"Description=Sedna job: all workers of {quote_description(name)} on this host"]
    return _HEADER + _section("Unit", unit) + "\n" + _section("Install", ["WantedBy=multi-user.target"])


def quote(word: str) -> str:
    """One word of a unit file, whatever it holds."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + "".join(_visible(char) for char in escaped) + '"'


def quote_description(text: str) -> str:
    """A description: one line, and nothing in it that systemd would expand (`%` is doubled already)."""
    return " ".join(text.replace("\\", "/").split())


def _visible(char: str) -> str:
    if char == "\n":
        return "\\n"
    if char == "\t":
        return "\\t"
    if char < " " or char == "\x7f":
        return f"\\x{ord(char):02x}"
    return char


def _section(name: str, lines: Iterable[str]) -> str:
    lines = list(lines)
    for line in lines:
        # Whatever came this far unquoted: a line of its own would be a setting of its own, such as a program for root.
        if any(character in line for character in "\n\r\0"):
            raise UnitRefused(f"{line.partition('=')[0]} of the unit holds a line end or a NUL character: {line!r}.")
    return f"[{name}]\n" + "".join(f"{line}\n" for line in lines)


def install(units_dir: Path, name: str, text: str, mode: int = 0o644) -> bool:
    """Put the file in place as a whole; False when it was there already, word for word.

    Everybody may read a unit: systemd tells its contents over the bus anyway, and says so in the journal when the
    file pretends otherwise. Secrets belong in credentials.
    """
    path = units_dir / name
    try:
        if path.read_text(encoding="utf-8") == text:
            return False
    except FileNotFoundError:
        pass
    new = units_dir / f".{name}.new"
    new.unlink(missing_ok=True)
    new.touch(mode=mode)
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(units_dir)
    return True


def remove(units_dir: Path, name: str) -> bool:
    """Take the file away; False when it was not there."""
    try:
        (units_dir / name).unlink()
    except FileNotFoundError:
        return False
    sync_folder(units_dir)
    return True


def sync_links(units_dir: Path, name: str) -> None:
    """Make what enables a unit survive a power cut; systemd leaves it to the disk's own time."""
    for link in units_dir.glob(f"*.wants/{name}"):
        sync_folder(link.parent)
    sync_folder(units_dir)


def sync_folder(folder: Path) -> None:
    """Make what was put into or taken from the folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
