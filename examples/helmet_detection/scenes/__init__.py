"""Draws labelled construction sites: the data of the helmet-detection example, in two domains.

The way of a picture: `domains` (what differs) to `casting` (who is there) to `staging` (paints `backdrops`, `people`,
`hats`, `things`, `weather`), with `labelling` beside it, through `cameras` to `recording` (files).
"""
