"""What somebody gets who has stolen a credential: every call there is, tried with each of them.

`tests.gm.http.test_guarding` has the finer cases; here no call is forgotten, since the served OpenAPI documents say
which there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sedna.api.tokens import id_of, make_token, sha256_of
from sedna_gm.store.credentials import Credential, MemoryCredentials
from tests.attacks.calls import OPERATIONS, SHA256
from tests.attacks.targets import SEEDS, Target, close, make_target

MADE = "2026-11-22T14:00:00Z"
# Said to everybody who is known: which kinds there are, and whether the service lives.
TELLS_NOTHING = {
    "/", "/healthz", "/livez", "/readyz", "/version", "/api", "/apis", "/apis/sedna.io", "/apis/sedna.io/v1alpha1",
    "/api/v1",
}  # fmt: skip
# Node of everything that is there, and the node whose key was stolen.
VICTIM, THIEF = "there", "thief"


class House:
    """A guarded door, and credentials that were stolen from its people and nodes."""

    def __init__(self, target: Target, credentials: MemoryCredentials) -> None:
        self.target = target
        self.credentials = credentials

    def stolen(self, kind: str, name: str, **more: Any) -> str:
        token = make_token()
        self.credentials.add(Credential(id_of(token), sha256_of(token), kind, name, MADE, **more))  # type: ignore[arg-type]
        return token

    def call(self, name: str, token: str) -> Any:
        """One call, about what is there, with a body that would be right."""
        operation = OPERATIONS[name]
        path = operation.path.replace("{namespace}", "default").replace("{sha256}", SHA256)
        path = path.replace("{name}", VICTIM).replace("{question_id}", "1").replace("{example}", VICTIM)
        body, media = self._body(operation.method, path)
        response = self.target.client.open(
            path, method=operation.method, data=body, content_type=media, headers={"Authorization": f"Bearer {token}"}
        )
        text = response.get_data().decode("utf-8", "replace")
        response.close()
        return response.status_code, text

    def _body(self, method: str, path: str) -> tuple[bytes | None, str | None]:
        if method.upper() in ("GET", "HEAD"):
            return None, None
        plural = next((part for part in path.split("/") if part in SEEDS), "models")
        if method.upper() == "PATCH" and path != "/manifests":
            return b'{"metadata": {"labels": {"stolen": "yes"}}}', "application/merge-patch+json"
        if path.endswith("/key") or path == "/join":
            stolen = make_token()
            key = {"node": VICTIM, "id": id_of(stolen), "sha256": sha256_of(stolen)}
            return json.dumps(key).encode(), "application/json"
        if path.endswith("/label"):
            return b'{"boxes": []}', "application/json"
        if path.endswith("/hardexamples/import"):
            return (
                b'{"images": [{"id": 1, "file_name": "there.jpg"}], "annotations": [], "categories": []}',
                "application/json",
            )
        return json.dumps(SEEDS[plural]).encode(), "application/json"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    credentials = MemoryCredentials()
    target = make_target(tmp_path / "artifacts", credentials)
    yield House(target, credentials)
    target.parts.bindings.close()
    close(target)


def before(house: House) -> list[Any]:
    """Everything that is stored, to see whether it was touched."""
    kinds = [seed["kind"] for seed in SEEDS.values()]
    return [house.target.parts.store.list(kind).items for kind in kinds]


def succeeded(house: House, token: str) -> set[str]:
    """The calls that were answered."""
    return {name for name in OPERATIONS if house.call(name, token)[0] < 400}


def harmless(names: set[str]) -> set[str]:
    return {name for name in names if name.partition(" ")[2] not in TELLS_NOTHING}


def test_w100_the_key_of_one_node_opens_nothing_of_another_in_any_call_there_is(house: House) -> None:
    token, stored = house.stolen("node", THIEF), before(house)
    assert harmless(succeeded(house, token)) == set()
    assert before(house) == stored


def test_what_a_refusal_says_shows_nothing_of_what_is_there(house: House) -> None:
    token = house.stolen("node", THIEF)
    for name in OPERATIONS:
        code, text = house.call(name, token)
        if code in (401, 403):
            assert "/models/m" not in text
            assert token.partition(".")[2] not in text


def test_a_viewer_changes_nothing_in_any_call_there_is(house: House) -> None:
    token, stored = house.stolen("person", "eve", role="viewer", namespaces=("*",)), before(house)
    assert {name for name in succeeded(house, token) if not name.startswith("GET")} == set()
    assert before(house) == stored


def test_an_editor_touches_neither_nodes_nor_workers_nor_the_store(house: House) -> None:
    token = house.stolen("person", "ed", role="editor", namespaces=("default",))
    written = {name for name in succeeded(house, token) if not name.startswith("GET")}
    for word in ("/nodes", "/workers", "/artifacts", "/events", "/status"):
        assert [name for name in written if word in name] == []


def test_a_grant_in_another_namespace_opens_nothing_here(house: House) -> None:
    token, stored = house.stolen("person", "far", role="admin", namespaces=("elsewhere",)), before(house)
    there = {name for name in succeeded(house, token) if "{namespace}" in name}
    assert there == set()
    assert before(house) == stored


@pytest.mark.parametrize(
    "kind", ["nobody", "expired", "revoked", "guessed", "a used join token", "a fresh join token", "the door's"]
)
def test_what_is_no_good_credential_opens_only_what_is_open_to_all(house: House, kind: str) -> None:
    now = MADE
    everything = {"role": "admin", "namespaces": ("*",)}
    tokens = {
        "nobody": lambda: "",
        "expired": lambda: house.stolen("person", "old", expires="2026-11-22T13:59:59Z", **everything),
        "revoked": lambda: house.stolen("person", "bad", revoked=now, **everything),
        "guessed": lambda: f"{house.stolen('person', 'ann', **everything).partition('.')[0]}.{'A' * 43}",
        "a used join token": lambda: house.stolen("join", VICTIM, used=now),
        "a fresh join token": lambda: house.stolen("join", VICTIM),
        # A worker's token is a sha256 in hexadecimal digits.
        "the door's": lambda: "0" * 64,
    }
    token = tokens[kind]()
    expected = {"GET /", "GET /healthz", "GET /livez", "GET /readyz"} | (
        {"POST /join"} if kind == "a fresh join token" else set()
    )
    answers = {name: house.call(name, token)[0] for name in OPERATIONS}
    assert {name for name, code in answers.items() if code < 400} == expected
    # What the page is made of is there for everybody, under names that nobody has made up.
    assert answers.pop("GET /ui/{release}/{path}") == 404
    assert {code for name, code in answers.items() if name not in expected} <= {401, 403, 429}


def test_a_replayed_join_token_gives_no_second_key(house: House) -> None:
    """Not even to who has seen the first exchange on the wire."""
    token, first, second = house.stolen("join", VICTIM), make_token(), make_token()
    codes = []
    for key in (first, first, second):
        body = {"node": VICTIM, "id": id_of(key), "sha256": sha256_of(key)}
        codes.append(
            house.target.client.post("/join", json=body, headers={"Authorization": f"Bearer {token}"}).status_code
        )
    assert codes == [201, 200, 403]
    assert house.credentials.find(id_of(second)) is None


def test_w107_no_page_of_another_origin_is_let_in(house: House) -> None:
    """A browser that is asked to send somebody's token finds no word that would let a foreign page read the answer."""
    token = house.stolen("person", "root", role="admin", namespaces=("*",))
    headers = {"Origin": "https://evil.example", "Authorization": f"Bearer {token}"}
    for method in ("GET", "OPTIONS"):
        response = house.target.client.open("/api/v1/namespaces", method=method, headers=headers)
        assert not [name for name, _ in response.headers if name.startswith("Access-Control-")]
        assert "Set-Cookie" not in response.headers
