"""What can go wrong with files that are not on this host, as types; each text is a sentence that names the way out.

`sedna.common.object_stores` and `credentials` raise them. A user's script may catch them as what Python calls the
same thing (the second base); the LocalController shows `reason` and the text as the reason why a worker waits. No
text holds a secret.

    RemoteError
    ├── CredentialNotFound    nobody said who asks
    ├── CredentialUnusable    the file of a credential cannot be read or understood
    ├── AccessDenied          the store knows who asks, and says no
    ├── NothingThere          no such bucket, object or folder
    ├── Unreachable           the store does not answer
    ├── StoreRefused          the store answers that it cannot do it
    ├── ContentDiffers        what arrived is not what was asked for
    ├── DiskFull              there is no room here for what arrives
    ├── SchemeUnsupported     no URL that can be opened
    └── PackageMissing        the package that opens such URLs is not installed
"""

from __future__ import annotations


class RemoteError(Exception):
    """Something that a person can mend; the text says how."""

    reason = "RemoteError"


class CredentialNotFound(RemoteError, PermissionError):
    """There is no credential to ask with."""

    reason = "CredentialNotFound"


class CredentialUnusable(RemoteError, ValueError):
    """A credential's file is there and cannot be used."""

    reason = "CredentialUnusable"


class AccessDenied(RemoteError, PermissionError):
    """A wrong key, or no right to do this with what is asked for."""

    reason = "AccessDenied"


class NothingThere(RemoteError, RuntimeError):
    """Nothing has this name. A RuntimeError, as in the original."""

    reason = "NotFound"


class Unreachable(RemoteError, ConnectionError):
    """The store does not answer; it may later."""

    reason = "StoreUnreachable"


class StoreRefused(RemoteError, OSError):
    """The store answers with an error of its own; it may do better later."""

    reason = "StoreRefused"


class ContentDiffers(RemoteError, OSError):
    """The size or the hash of what arrived is another one than that of what was asked for."""

    reason = "ContentDiffers"


class DiskFull(RemoteError, OSError):
    """No space left on this host."""

    reason = "DiskFull"


class SchemeUnsupported(RemoteError, ValueError):
    """A URL that nothing here opens."""

    reason = "SchemeUnsupported"


class PackageMissing(RemoteError, ModuleNotFoundError):
    """An optional package is not installed."""

    reason = "PackageMissing"
