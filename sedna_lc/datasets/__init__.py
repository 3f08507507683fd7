"""The samples of this node: files are followed as they grow, and every sample ever seen is kept.

file → `tailing` (reads appended bytes) → `cutting` (lines to samples) → `comparing` (which are new)
     → `logs` (the sample log) → `watching` (tells the GM the counts) and `materialising` (lists for workers)
"""
