"""What can go wrong on a node, as types raised by the code that knows.

The reconciler and the outbox act on the type alone: an `Again` is looked at again later and shown as the reason a
worker is Pending; a `Never` ends it as Failed; anything else is a bug and is logged with its traceback.

    LcError
    ├── SettingsInvalid      the configuration file; names file and key
    ├── StateDamaged         the state database cannot be read
    ├── Again                not now: looked at again on a change or after a while
    │   ├── GmUnavailable    the GM does not answer, or asks to come back
    │   └── Hindered         nothing is wrong with what was asked for: it is on its way, or there is no room for it
    ├── Never                trying again would end the same way
    │   └── GmRefused        the GM understood and said no (4xx)
    │       ├── GmNotFound   the resource is gone
    │       └── GmConflict   the resource is another one, or changed in between
    └── WatchTooOld          the GM no longer knows the version a watch starts from: list again
"""

from __future__ import annotations


class LcError(Exception):
    """Something this program foresees; its text is a sentence for an operator."""


class SettingsInvalid(LcError):
    """The configuration is not usable; the message names the file, each key and what it should be."""


class StateDamaged(LcError):
    """The state database cannot be read; the message says where the damaged file was put."""


class Again(LcError):
    """It cannot be done now. `reason` is a CamelCase word for a status (ModelNotFound), `message` a sentence."""

    def __init__(self, reason: str, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.after_seconds = after_seconds


class Never(LcError):
    """It cannot be done at all. `reason` is a CamelCase word for a status, `message` a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class GmUnavailable(Again):
    """The GlobalManager does not answer or asks to come back; everything local goes on meanwhile.

    `answered` tells the two apart: it was reached, but could not do this one thing; `code` is its HTTP status then, and
    `causes` are the reasons that it names.
    """

    def __init__(
        self,
        message: str,
        after_seconds: float | None = None,
        *,
        answered: bool = False,
        code: int = 0,
        causes: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__("GlobalManagerUnavailable", message, after_seconds)
        self.answered = answered
        self.code = code
        self.causes = causes


class Hindered(Again):
    """Nothing is wrong with what was asked for: it is on its way, or this host has no room for it.

    What a worker has goes on serving; the new one is neither refused nor given up.
    """


class GmRefused(Never):
    """The GlobalManager said no; `code` is its HTTP status. `ours` is False where a proxy may have said it instead."""

    def __init__(self, code: int, message: str, *, ours: bool = True) -> None:
        super().__init__("Refused", message)
        self.code = code
        self.ours = ours


class GmNotFound(GmRefused):
    """The GlobalManager does not know the resource (any more)."""


class GmConflict(GmRefused):
    """The resource is not what the request took it for: exists already, has another uid or a newer version."""


class WatchTooOld(LcError):
    """The watch's resourceVersion fell out of the GM's memory; the way out is a new list."""
