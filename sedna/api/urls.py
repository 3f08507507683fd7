"""What a URL in a manifest says about where something is. Pure."""

from __future__ import annotations


def is_remote(url: str) -> bool:
    """Tell whether a URL names a place that is on no node, as `s3://bucket/key` does; a path and `file://` do not."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme.lower() != "file"
