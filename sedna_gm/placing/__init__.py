"""Which node a worker runs on: a pure choice among nodes, with a sentence when there is none.

Controllers build a `Request` and the list of `Candidate`s from their snapshot; nothing here sees the store.
"""
