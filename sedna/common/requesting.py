"""httpx without its command line, which costs whoever imports it a tenth of a second and eight megabytes.

httpx imports click, rich and a highlighter of source text wherever these happen to be installed, for a command that
nobody calls here; where they are not, it goes without. It is told that they are not, and only while it is imported.
"""

from __future__ import annotations

import sys

_COMMAND = "httpx._main"

# None in this place makes an import fail as a missing module's does.
if "httpx" not in sys.modules:
    sys.modules.setdefault(_COMMAND, None)  # type: ignore[arg-type]

import httpx  # noqa: E402 - what stands before it is what this module is for

if sys.modules.get(_COMMAND) is None:
    sys.modules.pop(_COMMAND, None)

__all__ = ("httpx",)
