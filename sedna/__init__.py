"""Sedna on bare metal: the library that user code imports, and the words that all parts share.

Kept weightless on purpose: importing it loads no numpy and no ML framework, so a LocalController
on a small edge host pays nothing for what only its workers use.
"""
