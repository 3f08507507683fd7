"""What can be wrong with a request, as exceptions that know their own answer.

The store, admission and the HTTP views raise these; only `sedna_gm.http.answers` turns one into a response.
Each class's docstring is its default message.

    GMError
    ├── BadRequest            400
    ├── Unauthenticated       401
    ├── Forbidden             403
    ├── NotFound              404
    ├── MethodNotAllowed      405
    ├── NotAcceptable         406
    ├── AlreadyExists         409
    ├── Conflict              409
    ├── OffsetMismatch        409
    ├── Gone                  410
    ├── TooLarge              413
    ├── UnsupportedMediaType  415
    ├── RangeUnsatisfiable    416
    ├── Refused               422
    ├── WrongDigest           422
    ├── TooMany               429
    ├── NodeFailed            502
    ├── StoreUnavailable      503
    ├── NodeSilent            504
    └── StoreFull             507

Anything else that reaches the HTTP door is a bug: logged with its traceback, answered without details.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from sedna.api.status import Cause


class GMError(Exception):
    """The request cannot be served."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(
        self,
        message: str | None = None,
        *,
        kind: str = "",
        name: str = "",
        causes: Iterable[Cause] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.more = dict(more or {})
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.kind = kind
        self.name = name
        self.causes = tuple(causes)
        self.headers = dict(headers or {})
        super().__init__(self.message)

    def details(self) -> dict[str, Any]:
        """The `details` of a Kubernetes Status: which resource, and every cause."""
        found: dict[str, Any] = dict(self.more)
        if self.name:
            found["name"] = self.name
        if self.kind:
            found["kind"] = self.kind
        if self.causes:
            found["causes"] = [cause.dump() for cause in self.causes]
        return found


class BadRequest(GMError):
    """The request cannot be understood; its body or one of its parameters is malformed."""

    code = 400
    reason = "BadRequest"


class Unauthenticated(GMError):
    """No credential came with the request, or none that is good (any more)."""

    code = 401
    reason = "Unauthorized"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(GMError):
    """Who asks is known, and may not do that."""

    code = 403
    reason = "Forbidden"


class NotFound(GMError):
    """There is no such resource."""

    code = 404
    reason = "NotFound"


class MethodNotAllowed(GMError):
    """This method is not offered here."""

    code = 405
    reason = "MethodNotAllowed"


class NotAcceptable(GMError):
    """None of the asked media types can be given; ask for application/json or application/yaml."""

    code = 406
    reason = "NotAcceptable"


class AlreadyExists(GMError):
    """A resource of this kind and name exists already; change it, or choose another name."""

    code = 409
    reason = "AlreadyExists"


class Conflict(GMError):
    """The resource has been modified since it was read; read it again and repeat the change."""

    code = 409
    reason = "Conflict"


class OffsetMismatch(GMError):
    """Another byte is the next one; send from there on."""

    code = 409
    reason = "OffsetMismatch"

    def __init__(self, offset: int, total: int) -> None:
        super().__init__(
            f"{offset} bytes of this blob have come: go on with 'Content-Range: bytes {offset}-{total - 1}/{total}'."
        )
        self.offset = offset

    def details(self) -> dict[str, Any]:
        """Tells programs the offset."""
        return {**super().details(), "offset": self.offset}


class Gone(GMError):
    """The asked resourceVersion is too old; list again and watch from the list's resourceVersion."""

    code = 410
    reason = "Expired"


class TooLarge(GMError):
    """The body is larger than this server takes."""

    code = 413
    reason = "RequestEntityTooLarge"


class UnsupportedMediaType(GMError):
    """This media type is not taken here; send application/json or application/yaml."""

    code = 415
    reason = "UnsupportedMediaType"


class RangeUnsatisfiable(GMError):
    """The asked range begins after the end."""

    code = 416
    reason = "RangeNotSatisfiable"


class Refused(GMError):
    """The resource is not valid."""

    code = 422
    reason = "Invalid"


class WrongDigest(GMError):
    """What was sent is not what it was called; none of it is kept."""

    code = 422
    reason = "WrongDigest"


class TooMany(GMError):
    """There are too many of these already; wait, and ask again."""

    code = 429
    reason = "TooManyRequests"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message, headers={"Retry-After": str(seconds)})


class NodeFailed(GMError):
    """The node cannot answer that."""

    code = 502
    reason = "BadGateway"


class StoreUnavailable(GMError):
    """The database cannot be written or read just now; nothing was changed. Try again."""

    code = 503
    reason = "ServiceUnavailable"


class NodeSilent(GMError):
    """The node does not answer."""

    code = 504
    reason = "Timeout"


class StoreFull(GMError):
    """The artifact store has no room for that."""

    code = 507
    reason = "InsufficientStorage"
