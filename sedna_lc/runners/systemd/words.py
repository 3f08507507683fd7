"""systemd's words, as far as they matter here. A word not known yet is kept as it is and never an error."""

from __future__ import annotations

import enum


class _Word(str, enum.Enum):
    """An enumeration that grows by what the bus says."""

    @classmethod
    def _missing_(cls, value: object) -> _Word | None:
        if not isinstance(value, str):
            return None
        word = str.__new__(cls, value)
        word._name_ = f"unknown:{value}"
        word._value_ = value
        return word


class ActiveState(_Word):
    """`ActiveState` of a unit."""

    ACTIVE = "active"
    RELOADING = "reloading"
    INACTIVE = "inactive"
    FAILED = "failed"
    ACTIVATING = "activating"
    DEACTIVATING = "deactivating"
    MAINTENANCE = "maintenance"


class Result(_Word):
    """`Result` of a service: how its last run ended."""

    SUCCESS = "success"
    EXIT_CODE = "exit-code"
    SIGNAL = "signal"
    CORE_DUMP = "core-dump"
    TIMEOUT = "timeout"
    WATCHDOG = "watchdog"
    OOM_KILL = "oom-kill"
    RESOURCES = "resources"
    PROTOCOL = "protocol"
    START_LIMIT_HIT = "start-limit-hit"
    EXEC_CONDITION = "exec-condition"


class JobResult(_Word):
    """What `JobRemoved` says."""

    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"
    TIMEOUT = "timeout"
    DEPENDENCY = "dependency"
    SKIPPED = "skipped"
    #: Ours: the job was still there when we stopped waiting.
    UNFINISHED = "unfinished"
