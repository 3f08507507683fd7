"""Decides about resources: one pure decision per kind of job, applied once.

The data's way: the store changes → `mirroring` keeps a copy in memory → `watching` says whose keys that touches →
`queueing` → a controller's snapshot → its `deciding` → `applying` → the store. `supervising` starts the threads.
"""
