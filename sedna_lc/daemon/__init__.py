"""The program `sedna-lc`: settings in, all parts put together, signals and systemd heard.

`main` (commands) → `configuring` (lc.yml) → `wiring` (the parts) → `running` (from start to stop)
"""
