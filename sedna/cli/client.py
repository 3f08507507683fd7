"""One conversation with the GlobalManager over HTTP: every command's way out.

The commands of `sedna.cli.main` get a `GlobalManager`; it turns answers into dicts, refusals into
`sedna.cli.errors.Refused` and silence into `Unreachable`. The transport is an argument, so a test hands in a
function, or the GlobalManager's own WSGI application, instead of a network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from sedna.api.kinds import Kind
from sedna.cli.errors import CommandError, Refused, Unreachable
from sedna.cli.proving import Proof

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
# The server may answer plain JSON where it has no Table for a question, as the Kubernetes API does.
TABLE = f"{JSON};as=Table;v=v1;g=meta.k8s.io,{JSON}"

# Long enough for a server that is busy writing; a server that is down refuses at once.
ANSWER_SECONDS = 30.0
CONNECT_SECONDS = 5.0


class GlobalManager:
    """The GlobalManager at one address, as the commands see it."""

    def __init__(
        self,
        server: str,
        *,
        transport: httpx.BaseTransport | None = None,
        warn: Callable[[str], None] = lambda _: None,
        answer_seconds: float = ANSWER_SECONDS,
        proof: Proof | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        self._warn = warn
        self._proof = proof or Proof()
        self._http = httpx.Client(
            base_url=self.server,
            transport=transport,
            verify=True if self._proof.trust is None else self._proof.trust,
            headers={"Authorization": f"Bearer {self._proof.token}"} if self._proof.token else None,
            timeout=httpx.Timeout(answer_seconds, connect=min(answer_seconds, CONNECT_SECONDS)),
            # A proxy for the internet knows nothing about hosts of this site.
            trust_env=False,
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> dict[str, Any]:
        """Send one request and return the JSON object of its answer; raises Refused or Unreachable."""
        headers = {"Accept": accept}
        content = None
        if body is not None:
            headers["Content-Type"] = content_type
            content = json.dumps(body)
        with self._explained():
            response = self._http.request(method, path, params=params, content=content, headers=headers)
        self._check(response)
        return _json_object(response)

    def find(self, path: str) -> dict[str, Any] | None:
        """GET what may not be there: None stands for 404."""
        try:
            return self.ask("GET", path)
        except Refused as refusal:
            if refusal.code == httpx.codes.NOT_FOUND:
                return None
            raise

    def follow(self, path: str, *, params: Mapping[str, str], accept: str = JSON) -> Iterator[dict[str, Any]]:
        """Yield each JSON line of a streamed answer until the server ends it."""
        with self._streamed(path, params, accept) as response:
            for line in response.iter_lines():
                if line.strip():
                    yield json.loads(line)

    def read(self, path: str, *, params: Mapping[str, str]) -> Iterator[bytes]:
        """Yield the bytes of a streamed answer as they come."""
        with self._streamed(path, params, "text/plain, */*") as response:
            yield from response.iter_bytes()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    @contextmanager
    def _streamed(self, path: str, params: Mapping[str, str], accept: str) -> Iterator[httpx.Response]:
        # A watch or a log may be silent for as long as nothing happens: no limit on reading.
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        with (
            self._explained(),
            self._http.stream(
                "GET", path, params=dict(params), headers={"Accept": accept}, timeout=timeout
            ) as response,
        ):
            if response.is_error:
                response.read()
            self._check(response)
            yield response

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise Unreachable(
                    f"{self.server} is not believed to be the GlobalManager ({error}).\nName whom you believe with --ca"
                    " FILE or SEDNA_CA: the ca.crt of its host, or of who signed its certificate."
                ) from error
            raise Unreachable(
                f"cannot reach the GlobalManager at {self.server} ({error or 'no answer'}).\n"
                "Start one here with `sedna up`, or name another with --server or SEDNA_SERVER."
            ) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise CommandError(
                f"{self.server!r} is no server address ({error}); write it like http://host:9000."
            ) from error
        except httpx.TransportError as error:
            raise Unreachable(
                f"the connection to the GlobalManager at {self.server} broke: {error or type(error).__name__}."
            ) from error

    def _check(self, response: httpx.Response) -> None:
        for value in response.headers.get_list("Warning"):
            self._warn(_warning_text(value))
        if response.is_error:
            raise Refused(_status_of(response), response.status_code, self._advice(response.status_code))

    def _advice(self, code: int) -> str:
        whence = self._proof.whence
        if code == httpx.codes.UNAUTHORIZED and whence:
            return f"The token of {whence} is not taken (any more): ask for another one."
        if code == httpx.codes.UNAUTHORIZED:
            return (
                "Say who you are: by --token-file FILE or SEDNA_TOKEN_FILE, or by a KUBECONFIG with a token.\n"
                "Who runs the GlobalManager makes one: sedna-gm token create YOUR_NAME --role editor"
            )
        if code == httpx.codes.FORBIDDEN and whence:
            return f"The token of {whence} may not do that; who runs the GlobalManager can give you another role."
        return ""


def path_of(kind: Kind, namespace: str | None, name: str | None = None, sub: str | None = None) -> str:
    """Return the API path of a kind's resources; namespace None means over all namespaces."""
    parts = ["apis", kind.group, kind.version] if kind.group else ["api", kind.version]
    if kind.namespaced and namespace is not None:
        parts += ["namespaces", namespace]
    parts.append(kind.plural)
    parts += [part for part in (name, sub) if part is not None]
    return "/" + "/".join(parts)


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise CommandError(
            f"{response.url} answered with {response.headers.get('Content-Type', 'no media type')}, not with a JSON"
            " object. Is this address a Sedna GlobalManager?"
        )
    return answer


def _status_of(response: httpx.Response) -> dict[str, Any]:
    try:
        status = response.json()
    except ValueError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return status
    # A proxy's or another server's page: the first line is all a terminal wants of it.
    first = response.text.strip().splitlines()[:1]
    return {"message": f"{response.url} answered {response.status_code}: {first[0][:200] if first else 'nothing more'}"}


def _warning_text(header: str) -> str:
    """Return the text inside a Warning header: `299 - "the text"` (RFC 7234, 5.5)."""
    _, _, quoted = header.partition('"')
    text, _, _ = quoted.rpartition('"')
    return text.replace('\\"', '"') or header
