"""The Ansible half as the house rules see it: roles, their files of tasks, playbooks, parsed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from tests.house.project import ROOT

# What a task may carry beside its module; anything else that is a name with dots is the module.
_BLOCKS = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")


@dataclass(frozen=True)
class Task:
    """One task, handler or block."""

    path: Path
    content: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.content.get("name", ""))

    @property
    def module(self) -> str | None:
        """Its module; None for a block."""
        found = [key for key in self.content if "." in key]
        assert len(found) <= 1, f"{self.path}: {self.name}: {found}"
        return found[0] if found else None

    @property
    def arguments(self) -> dict[str, Any]:
        found = self.content[self.module] if self.module else {}
        return found if isinstance(found, dict) else {"free": found}

    @property
    def where(self) -> str:
        return f"{self.path.relative_to(ROOT)}: {self.name}"


@dataclass(frozen=True)
class Role:
    """One role."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def document(self, name: str) -> Any:
        """The content of one of its files; an empty mapping where there is none."""
        path = self.path / name
        return load(path) if path.exists() else {}

    @property
    def options(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.document("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
        return found

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(task for path in sorted((self.path / "tasks").glob("*.yml")) for task in tasks_of(path))

    @cached_property
    def handlers(self) -> tuple[Task, ...]:
        path = self.path / "handlers" / "main.yml"
        return tuple(tasks_of(path)) if path.exists() else ()

    def __str__(self) -> str:
        return self.name


def load(path: Path) -> Any:
    """One YAML document."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tasks_of(path: Path) -> Iterator[Task]:
    """All tasks of a file, those in blocks included."""
    yield from _tasks(path, load(path) or [])


def _tasks(path: Path, items: list[dict[str, Any]]) -> Iterator[Task]:
    for item in items:
        if "hosts" not in item and "import_playbook" not in item:
            yield Task(path, item)
        for key in _BLOCKS:
            yield from _tasks(path, item.get(key) or [])


@lru_cache
def roles() -> tuple[Role, ...]:
    """Every role."""
    return tuple(Role(path) for path in sorted((ROOT / "roles").iterdir()) if (path / "tasks").is_dir())


@lru_cache
def playbooks() -> tuple[Path, ...]:
    """Every playbook."""
    return tuple(sorted((ROOT / "playbooks").glob("*.yml")))


def all_tasks() -> list[Task]:
    """Every task and handler, of roles and playbooks."""
    found = [task for role in roles() for task in (*role.tasks, *role.handlers)]
    return found + [task for path in playbooks() for task in tasks_of(path)]
