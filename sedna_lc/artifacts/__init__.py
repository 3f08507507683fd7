"""Content that crosses hosts: what other nodes need is packed and sent, what workers here need is fetched.

dataset | model → `packing` (a tree of files) → `keeping` (sends what the store lacks) → a store (`blobs`)
→ `fetching` (resumes, verifies) → `caching` (whole trees below `<state dir>/artifacts`) → workers

All of it happens on threads of its own: a slow line holds up no worker but the one that waits for it.
"""
