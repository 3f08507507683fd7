"""Who asks an object store: named credentials from files, else the original's environment variables.

The LocalController hands a worker the credentials that its manifest names (`credentialName`) as the files
`$CREDENTIALS_DIRECTORY/<name>`, and says in `SEDNA_CREDENTIALS` which URL each of them is for; it reads the same
files itself to fetch models. `sedna.common.object_stores` asks here for every URL it opens. Secrets are in no
`repr`, no message and no environment variable that we set.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sedna.api.yaml12 import YamlError, load_documents
from sedna.common.remote_errors import CredentialNotFound, CredentialUnusable

#: The folder of a worker's credentials, as systemd calls it.
FOLDER_VARIABLE = "CREDENTIALS_DIRECTORY"
#: Which credential is for which URL: JSON, from a URL (and all that is below it) to a name.
URLS_VARIABLE = "SEDNA_CREDENTIALS"
#: The credential that proves to the LocalController which worker reports; no manifest names it.
WORKER_TOKEN = "worker-token"  # noqa: S105 - a name

# A file of two keys; whatever is larger is something else.
_LARGEST_BYTES = 64 << 10
_REQUIRED = ("accessKeyId", "secretAccessKey")
_OPTIONAL = ("sessionToken", "endpoint", "region")
# What systemd takes as a credential's name, and what cannot lead out of a folder.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}\Z")


@dataclass(frozen=True)
class Credential:
    """A key for an S3 store, and where that store is. `source` says, for people, where the key comes from."""

    source: str
    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    endpoint: str = ""
    region: str = ""

    def without_secrets(self, text: str) -> str:
        """The text with every secret in it made unreadable: a store may quote what it was sent."""
        for secret in (self.secret_access_key, self.session_token, self.access_key_id):
            if secret:
                text = text.replace(secret, "***")
        return text


def is_name(name: str) -> bool:
    """Whether a text can be the name of a credential, and so of a file."""
    return bool(_NAME.match(name)) and ".." not in name and name != WORKER_TOKEN


def read_credential(folder: Path, name: str) -> Credential:
    """The credential in the file `name` of a folder: JSON or YAML with `accessKeyId` and `secretAccessKey`.

    Optional are `endpoint` (the URL of a store that is not Amazon's), `region` and `sessionToken`. Raises
    CredentialNotFound without the file and CredentialUnusable, naming file and key, when it cannot be used.
    """
    if not is_name(name):
        raise CredentialUnusable(
            f"credentialName {name!r} is no name of a file: use letters, digits, '.', '_' and '-', without '..', and "
            f"not {WORKER_TOKEN}, which every worker has already"
        )
    path = folder / name
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise CredentialNotFound(f"there is no credential {name!r}: make the file {path} with {_SHAPE}") from None
    except OSError as problem:
        raise CredentialUnusable(f"the credential {path} cannot be read: {problem.strerror}") from None
    if len(content) > _LARGEST_BYTES:
        raise CredentialUnusable(
            f"the credential {path} is larger than {_LARGEST_BYTES >> 10} KiB: it should be {_SHAPE}"
        )
    return _checked(path, _parsed(path, content))


_SHAPE = "YAML or JSON such as {accessKeyId: …, secretAccessKey: …, endpoint: https://…}"


def _parsed(path: Path, content: bytes) -> Mapping[str, Any]:
    try:
        documents = load_documents(content)
    except YamlError as problem:
        # Only where: what the parser says of the text may quote it, and the text is secret.
        where = f"line {problem.line}, column {problem.column}"
        raise CredentialUnusable(
            f"the credential {path} is neither YAML nor JSON at {where}: it should be {_SHAPE}"
        ) from None
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        raise CredentialUnusable(f"the credential {path} holds no mapping: it should be {_SHAPE}")
    return documents[0]


def _checked(path: Path, values: Mapping[str, Any]) -> Credential:
    wrong = [f"{key} is missing" for key in _REQUIRED if not values.get(key)]
    wrong += [f"{key!r} is not known" for key in values if key not in (*_REQUIRED, *_OPTIONAL)]
    wrong += [
        f"{key} is not a text (put it in quotes)"
        for key in (*_REQUIRED, *_OPTIONAL)
        if values.get(key) and not isinstance(values[key], str)
    ]
    endpoint = values.get("endpoint") or ""
    if isinstance(endpoint, str) and endpoint and not _is_endpoint(endpoint):
        wrong.append("endpoint is not a URL such as https://minio.example:9000")
    if wrong:
        raise CredentialUnusable(f"the credential {path} cannot be used: {'; '.join(wrong)}")
    return Credential(
        source=f"the credential {path}",
        access_key_id=values["accessKeyId"],
        secret_access_key=values["secretAccessKey"],
        session_token=values.get("sessionToken") or "",
        endpoint=endpoint,
        region=values.get("region") or "",
    )


def _is_endpoint(text: str) -> bool:
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    # A key inside the URL would end up in messages.
    return url.scheme in ("http", "https") and bool(url.hostname) and "@" not in url.netloc


def credential_for(url: str, environment: Mapping[str, str] = os.environ) -> Credential | None:
    """What a worker asks the store of a URL with: a named credential, else ACCESS_KEY_ID and its fellows, else None.

    Among several named ones it takes the one for this URL or a folder above it, else the one for its bucket, else
    the only one there is. Raises CredentialNotFound and CredentialUnusable.
    """
    folder = environment.get(FOLDER_VARIABLE)
    if folder:
        name = _name_for(url, _assigned(environment), _names_in(Path(folder)))
        if name is not None:
            return read_credential(Path(folder), name)
    return from_environment(environment)


def from_environment(environment: Mapping[str, str] = os.environ) -> Credential | None:
    """The original's variables S3_ENDPOINT_URL, ACCESS_KEY_ID, SECRET_ACCESS_KEY; None when none is set.

    Raises CredentialUnusable when only one half of a key is set.
    """
    key, secret = environment.get("ACCESS_KEY_ID", ""), environment.get("SECRET_ACCESS_KEY", "")
    endpoint = environment.get("S3_ENDPOINT_URL", "")
    if not (key or secret or endpoint):
        return None
    if bool(key) is not bool(secret):
        missing = "SECRET_ACCESS_KEY" if key else "ACCESS_KEY_ID"
        raise CredentialUnusable(f"{missing} is not set, and its other half is: set both, or name a credential")
    source = "ACCESS_KEY_ID and SECRET_ACCESS_KEY" if key else "what the S3 client finds by itself"
    return Credential(source, key, secret, endpoint=endpoint)


def assignment(pairs: Iterable[tuple[str, str]]) -> str:
    """The value of SEDNA_CREDENTIALS for pairs of URL and name."""
    return json.dumps(dict(pairs), sort_keys=True)


def _assigned(environment: Mapping[str, str]) -> dict[str, str]:
    try:
        given = json.loads(environment.get(URLS_VARIABLE) or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict) or not all(isinstance(name, str) for name in given.values()):
        raise CredentialUnusable(f"{URLS_VARIABLE} should be a JSON object from URLs to names of credentials")
    return given


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.name != WORKER_TOKEN)
    except OSError as problem:
        raise CredentialUnusable(
            f"{FOLDER_VARIABLE} names {folder}, and it cannot be read: {problem.strerror}"
        ) from None


def _name_for(url: str, assigned: Mapping[str, str], present: list[str]) -> str | None:
    above = [given for given in assigned if f"{url}/".startswith(f"{given.rstrip('/')}/")]
    if above:
        return assigned[max(above, key=len)]
    of_bucket = {name for given, name in assigned.items() if _bucket(given) == _bucket(url)}
    if len(of_bucket) == 1:
        return of_bucket.pop()
    return present[0] if len(present) == 1 else None


def _bucket(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])
