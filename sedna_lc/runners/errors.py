"""What can go wrong between the LC and its units, told apart by what to do next.

RunnerError
├── RunnerUnavailable   again later: the service manager is away or too slow
├── UnitBusy            again later: another unit of this name has not ended yet
├── NoSuchUnit          never: nobody knows a unit of this name
└── UnitRefused         never: this unit cannot be started as it is described
"""


class RunnerError(Exception):
    """A unit could not be started, stopped or looked at."""


class RunnerUnavailable(RunnerError):
    """The service manager does not answer; it is asked again when it is back."""


class UnitBusy(RunnerError):
    """A unit of this name with other contents is still there; stop it, and start again when it has ended."""


class NoSuchUnit(RunnerError):
    """No unit of this name is known here."""


class UnitRefused(RunnerError):
    """The unit cannot be started as described; the text says which part of it is wrong."""
