"""Decides about incremental-learning jobs: train, evaluate, deploy, and again.

`snapshot` is what is looked at, `deciding` the pure answer, put together from one module per stage; `controlling`
takes the snapshot from the mirror and hands the decision to `applying`.
"""
