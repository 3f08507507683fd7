"""How a person names what a command is about: `ilj demo`, `ilj/demo`, `datasets,models`."""

from __future__ import annotations

import click

from sedna.api.kinds import KINDS, Kind

# People say "job"; the table of kinds has no such word because later kinds are jobs as well.
_SPOKEN = {"job": "IncrementalLearningJob", "jobs": "IncrementalLearningJob"}


def kind_named(word: str) -> Kind:
    """Return the kind that a word means: its name, plural, singular or short name, in any letter case."""
    wanted = _SPOKEN.get(word.lower(), word).lower().partition(".")[0]
    for kind in KINDS:
        if wanted in {kind.name.lower(), kind.plural, kind.singular, *kind.short_names}:
            return kind
    raise click.UsageError(f"there is no kind '{word}'. There are: {_known()}.")


def kinds_named(words: str) -> tuple[Kind, ...]:
    """Return the kinds of a comma-separated list, in its order."""
    return tuple(kind_named(word) for word in words.split(",") if word)


def targets(words: tuple[str, ...]) -> list[tuple[Kind, str]]:
    """Return kind and name of each thing meant by `TYPE NAME…` or `TYPE/NAME…`."""
    if not words:
        raise click.UsageError("name what is meant: TYPE NAME or TYPE/NAME")
    if any("/" in word for word in words):
        return [_slashed(word) for word in words]
    kind = kind_named(words[0])
    return [(kind, name) for name in words[1:]]


def _slashed(word: str) -> tuple[Kind, str]:
    kind, slash, name = word.partition("/")
    if not slash or not name or "/" in name:
        raise click.UsageError(f"'{word}' is not TYPE/NAME; write every one as TYPE/NAME, or all as TYPE NAME NAME")
    return kind_named(kind), name


def _known() -> str:
    return ", ".join(
        f"{kind.plural} ({', '.join(kind.short_names)})" if kind.short_names else kind.plural for kind in KINDS
    )
