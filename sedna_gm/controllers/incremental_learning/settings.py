"""How patient the controller is. Every number has its unit and its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Times in seconds."""

    first_retry: float = 10.0
    """Wait after the first failed round; doubles with each further one. Short, since most first failures are slips."""
    longest_retry: float = 1800.0
    """Where the doubling ends: a host that is repaired is tried again within half an hour."""
    advises_after: int = 3
    """From so many failed rounds in a row on the job says what to do: one is a slip, two are bad luck."""
    gives_up_after: int = 10
    """So many failed rounds in a row that are no accident (see `giving_up`) and the job begins none by itself any more:
    with the delays above that is more than an hour, in which nothing has mended itself."""
    default_deadline: int = 24 * 3600
    """For training and evaluation without `activeDeadlineSeconds`: longer than any round on an edge host should be."""
    grace: int = 120
    """What the node gets on top before the GlobalManager itself gives up: the node's own finding tells more."""
    deploy_deadline: int = 900
    """For a deployment, on top of the worker's poll period: loading a large model from a slow disk takes minutes."""
    watch_margin: int = 120
    """For a new model that is watched, on top of its guard's window: its node gives itself some seconds more, too."""
    silent_start: int = 120
    """A restarted worker that runs this long without naming its model is taken to serve it: not all code reports."""
    keeps_ending: int = 3
    """An inference worker that its node starts again so often in a row is told as failing: one slip is none."""
    settled: int = 600
    """An inference worker that ran this long is healthy; its next failure counts as the first."""
    recheck: int = 300
    """How often a job is looked at that waits for others: nothing is missed if a notice gets lost."""
    slowest_link: int = 32_000
    """Bytes per second. What a worker has still to fetch gets its time on top of a deadline as if its line were so
    slow: 100 MB take 50 minutes on a poor mobile line."""
    nothing_sent: int = 3600
    """A node that can be heard and has come no further with what it is to send for so long cannot send it: whoever is
    to mend that has been told for an hour, and a model may have to be trained anew."""
    ask_again: int = 60
    """A model to serve that its node could not send is asked for again after so long: a full disk is soon emptied."""
    store: str = ""
    """Where artifacts go: empty for the GlobalManager's own store, else an fsspec URL such as s3://bucket/prefix."""
    compared_rounds: int = 4
    """How many earlier rounds' evaluation samples are evaluated again."""
    told_rounds: int = 3
    """How many rounds `status.conditions` reaches back; the history holds all."""
