"""The process: settings, wiring, gunicorn, and what systemd wants to hear."""
