"""Names of units, by systemd's rules. Pure.

`escape` and `unescape` are systemd-escape(1). A worker's unit is `sedna-worker-<namespace>-<worker>`, as an
operator would type it: of the two names only the namespace has its dashes escaped (`a-b` → `a\\x2db`), which is
enough to keep `a-b`/`c` and `a`/`b-c` apart, and leaves the usual namespaces untouched.
"""

from __future__ import annotations

import hashlib
import re
import string

_ALLOWED = frozenset((string.ascii_letters + string.digits + ":_.").encode())
_SEQUENCE = re.compile(rb"\\x([0-9a-f]{2})")
#: systemd allows 255 characters with the suffix; a folder of the process runner has to fit, too.
_LONGEST = 200


def escape(text: str, keep: str = "") -> str:
    """A text as part of a unit's name; `keep` names characters that are left as they are."""
    allowed = _ALLOWED | frozenset(keep.encode())
    escaped = []
    for position, byte in enumerate(text.encode()):
        if byte == ord("/"):
            escaped.append("-")
        elif byte in allowed and not (byte == ord(".") and position == 0):
            escaped.append(chr(byte))
        else:
            escaped.append(f"\\x{byte:02x}")
    return "".join(escaped)


def unescape(text: str) -> str:
    """The text that was escaped. Raises ValueError for what is not UTF-8."""
    raw = text.replace("-", "/").encode()
    return _SEQUENCE.sub(lambda match: bytes([int(match[1], 16)]), raw).decode()


def worker_unit(namespace: str, worker: str) -> str:
    """The unit of a worker, without systemd's `.service`."""
    return _fit(f"sedna-worker-{escape(namespace)}-{escape(worker, keep='-')}")


def job_target(namespace: str, job: str) -> str:
    """The target on which all units of a job on this host hang."""
    return _fit(f"sedna-job-{escape(namespace)}-{escape(job, keep='-')}") + ".target"


def _fit(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    # Two long names that begin alike must not become one unit.
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[: _LONGEST - 17].rstrip(chr(92))}-{digest}"
