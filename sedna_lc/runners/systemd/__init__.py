"""The systemd runner: every worker a unit that an operator can list, stop, start and read the journal of.

One direction of dependence: `runner` uses `manager` (the calls, jobs and signals of systemd), `judging` (what the
facts mean; pure), `properties`, `sandbox` and `unitfiles` (what a unit looks like; pure), `records` (what the LC has
asked for) and `journal`. `bus` is the only module that speaks D-Bus.
"""

from sedna_lc.runners.systemd.runner import SystemdRunner, SystemdSettings

__all__ = ("SystemdRunner", "SystemdSettings")
