"""The models of this node: versions in its own keeping, and the file that tells a worker which one to serve.

A version is a folder named by its content and is never overwritten; `slots` puts it there, `hot_config` points at it.
"""
