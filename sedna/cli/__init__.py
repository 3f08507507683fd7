"""The `sedna` command: what a person types to talk to the GlobalManager, and to have one on a laptop.

It speaks the same HTTP API as `kubectl` and `curl` do, through `sedna.cli.client`; it decides nothing about jobs.
"""
