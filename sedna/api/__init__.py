"""The words that GlobalManager, LocalController and their clients share.

Values and pure functions only: no file, no socket, no clock, nothing heavy to import. Whoever needs
one of these modules imports it by its own name; nothing is gathered here.
"""
