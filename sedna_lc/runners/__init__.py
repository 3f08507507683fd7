"""Units: how user code really runs on this host, under systemd or as plain processes.

`base` says what every runner promises; the reconciler knows nothing else. `memory` keeps the promise without
starting anything, for tests and rehearsals.
"""
