"""What can go wrong between the LC and its units, told apart by what to do next.

RunnerError
├── RunnerUnavailable   again later: the service manager is away or too slow
├── UnitBusy            again later: another unit of this name has not ended yet
├── NoSuchUnit          never: nobody knows a unit of this name
└── UnitRefused         never: this unit cannot be started as it is described

"Again later" and "never" are the LC's own types (`sedna_lc.errors`), so the reconciler need not know these.
"""

from __future__ import annotations

from sedna_lc.errors import Again, LcError, Never


class RunnerError(LcError):
    """A unit could not be started, stopped or looked at."""


class RunnerUnavailable(RunnerError, Again):
    """The service manager does not answer; it is asked again when it is back."""

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        Again.__init__(self, "RunnerUnavailable", message, after_seconds)


class UnitBusy(RunnerError, Again):
    """A unit of this name with other contents is still there; stop it, and start again when it has ended."""

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        Again.__init__(self, "UnitBusy", message, after_seconds)


class NoSuchUnit(RunnerError, Never):
    """No unit of this name is known here."""

    def __init__(self, message: str) -> None:
        Never.__init__(self, "NoSuchUnit", message)


class UnitRefused(RunnerError, Never):
    """The unit cannot be started as described; the text says which part of it is wrong."""

    def __init__(self, message: str) -> None:
        Never.__init__(self, "UnitRefused", message)
