"""What the GlobalManager may ask about hard examples, and who answers it: the entries for the table of questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sedna_lc.errors import Again
from sedna_lc.gm.answering import Answer, Question, of_document
from sedna_lc.hard_examples import Saved, opened
from sedna_lc.labelling.allowing import Examples
from sedna_lc.labelling.appending import Appender, Source, Wish
from sedna_lc.labelling.lines import told
from sedna_lc.labelling.listing import Listing, Sort, read
from sedna_lc.labelling.picturing import MOST_SOURCE_BYTES, Thumbnails, sent, whole
from sedna_lc.labelling.refusing import CannotLabel
from sedna_lc.labelling.values import is_name, text_of
from sedna_lc.places import Places
from sedna_lc.state.stores import Store
from sedna_lc.users import WorkerUser, hindrance_of

_LIMIT = 50
_MOST_LABELS = 10_000
_LONGEST_PERSON = 256
_LONGEST_TIME = 40


class Labelling:
    """The part of one LC that shows examples and takes labels. Safe to call from any thread."""

    def __init__(
        self, store: Store, places: Places, user: Callable[[], WorkerUser | None], clock: Callable[[], datetime]
    ) -> None:
        self._examples = Examples(store, places, user)
        self._user = user
        self._listing = Listing()
        self._appender = Appender(store, places, user, clock)
        self._thumbnails = Thumbnails(places.state_dir / "thumbnails")

    @property
    def answers(self) -> Mapping[str, Answer]:
        """The types of questions, and who answers each."""
        return {
            "hard-examples": of_document(self.hard_examples),
            "picture": of_document(self.picture),
            "labels": of_document(self.labels),
            "label": of_document(self.label),
        }

    def hard_examples(self, question: Question) -> Mapping[str, Any]:
        """Return a page of examples. Raises LcError."""
        own = self._folder(question)
        limit, sort, after = question.get("limit"), question.get("sort") or "value", question.get("after")
        if sort not in ("value", "time", "diverse"):
            raise CannotLabel(422, "BadSort", f"{sort!r} is no order: use value, time or diverse.")
        try:
            return self._listing.page(
                own,
                cast("Sort", sort),
                limit if isinstance(limit, int) and limit else _LIMIT,
                after if isinstance(after, str) and after else None,
            ).dump()
        except OSError as problem:
            raise _unreadable(own.folder, problem) from problem

    def picture(self, question: Question) -> Mapping[str, Any]:
        """Return a picture, whole or small. Raises LcError."""
        source = self.read_picture(self._folder(question), text_of(question, "example"))
        width = question.get("width")
        if isinstance(width, int) and width > 0:
            found = self._thumbnails.small(source.name, source.data, width)
        else:
            found = whole(source.name, source.data)
        return replace(found, time=source.time).dump()

    def labels(self, question: Question) -> Mapping[str, Any]:
        """Return the newest labels of a dataset, by example, and how many samples it has. Raises LcError."""
        found = self._appender.labels(*_dataset(question), _MOST_LABELS)
        labels = {label.example: told(label) for label in found}
        return {"labels": labels, "seen": self._appender.seen(*_dataset(question))}

    def label(self, question: Question) -> Mapping[str, Any]:
        """Save a label; return it, its line, whether it is new, and how many samples there are. Raises LcError."""
        example, by, version = text_of(question, "example"), text_of(question, "by"), question.get("version")
        if not is_name(example):
            raise CannotLabel(404, "ExampleNotFound", f"{example[:200]!r} is the name of no hard example.")
        picture = question.get("picture")
        wish = Wish(
            example,
            " ".join(by.split())[:_LONGEST_PERSON],
            question.get("boxes"),
            version if isinstance(version, str) and version else None,
            lambda: _meant(question, self._brought(question, example, picture if isinstance(picture, Mapping) else {})),
        )
        label, created = self._appender.save(*_dataset(question), wish)
        seen = self._appender.seen(*_dataset(question))
        return {"label": told(label), "line": label.line, "created": created, "seen": seen}

    def _brought(self, question: Question, example: str, picture: Mapping[str, Any]) -> Source:
        """The picture that was labelled: from this node's own folder, or as the question brings it."""
        if "worker" in picture:
            whose = {"namespace": question.get("namespace"), "worker": picture["worker"]}
            source = self.read_picture(self._folder(whose), example)
            whole(source.name, source.data)
            return source
        return Source(*sent(example, picture), text_of(picture, "time")[:_LONGEST_TIME])

    def read_picture(self, own: Saved, name: str) -> Source:
        """Return the picture of an example that the folder itself lists. Raises LcError."""
        try:
            found = self._listing.find(own, name) if is_name(name) else None
            if found is None:
                raise CannotLabel(404, "ExampleNotFound", f"There is no hard example {name[:200]!r} (any more).")
            file = found.found.picture
            with opened(own) as top:
                return Source(file, read(top, file, MOST_SOURCE_BYTES + 1, self._refuse), found.found.time)
        except FileNotFoundError as problem:
            raise CannotLabel(404, "ExampleNotFound", f"The hard example {name} has just gone.") from problem
        except OSError as problem:
            raise _unreadable(own.folder, problem) from problem

    def _folder(self, question: Question) -> Saved:
        return self._examples.of(text_of(question, "namespace") or "default", text_of(question, "worker"))

    def _refuse(self, descriptor: int) -> None:
        user = self._user()
        why = hindrance_of(descriptor, user) if user is not None else None
        if why is not None:
            raise CannotLabel(403, "NotAllowed", f"The picture is not shown: {why}.")


def _meant(question: Question, source: Source) -> Source:
    """The picture, if it is the one that was looked at. Raises CannotLabel."""
    seen = text_of(question, "pictureTime")
    if seen and source.time and seen != source.time:
        message = f"{source.name} is another picture now, of {source.time}: the one of {seen} was replaced. Look again."
        raise CannotLabel(409, "PictureChanged", message)
    return source


def _dataset(question: Question) -> tuple[str, str]:
    return text_of(question, "namespace") or "default", text_of(question, "dataset")


def _unreadable(folder: Path, problem: OSError) -> Again:
    return Again("Unreadable", f"The hard examples in {folder} cannot be read: {problem.strerror or problem}.")
