"""What every part of the library builds on: configuration, files, logging, the class registry.

Weightless like the package above it: a LocalController imports `sedna.common.digests`,
`sedna.common.publishing` and `sedna.common.watching` and pays for no ML library.
"""
