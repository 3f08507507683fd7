"""What a saved model looks like on disk; used by the wrappers of this package and by `sedna.core`."""

from __future__ import annotations

from pathlib import Path

# Formats whose model is a folder, known by what is in it.
_FOLDERS = {"saved_model.pb": "pb", "checkpoint": "ckpt"}


def format_of(model: str) -> str:
    """A model's format for reports: its suffix in lower case; for a folder what it holds, else empty."""
    path = Path(model)
    suffix = path.suffix.lstrip(".").lower()
    if suffix or not path.is_dir():
        return suffix
    return next((known for name, known in _FOLDERS.items() if (path / name).exists()), "")


def saved_as(goal: Path, returned: object = None) -> Path:
    """Where an estimator that was asked to save as `goal` has saved.

    `goal`; or the path it returned; or, when it wrote several files that start with the name (as a
    TensorFlow checkpoint is), the folder. Raises FileNotFoundError when there is none of these.
    """
    if isinstance(returned, (str, Path)) and str(returned) and Path(returned).exists():
        return Path(returned)
    if goal.exists():
        return goal
    if goal.parent.is_dir() and any(entry.name.startswith(goal.stem) for entry in goal.parent.iterdir()):
        return goal.parent
    raise FileNotFoundError(f"the estimator's save() did not write {goal}")
