"""Every call that the served OpenAPI documents name, with what they allow and what they do not: no answer is a 5xx.

schemathesis makes the calls; each is sent as it is and in five spoilt ways (to what exists, cut, mistyped, grafted
onto a right resource, with other headers), so that 4,000 calls become more than 20,000 requests. The same calls each
time: what fails here fails everywhere.
"""

from __future__ import annotations

import contextlib
import copy
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.attacks.calls import OPERATIONS, SHA256
from tests.attacks.targets import SEEDS, Target, close, make_target

AT_LEAST = 20_000
EXAMPLES = 25
"""Of what is right, and as many of what is wrong, for each call."""
LONGEST_WATCH = 3600

MEDIA = (
    "application/json", "application/yaml", "application/merge-patch+json", "application/json-patch+json",
    "application/octet-stream", "text/plain", "application/json; charset=utf-16", "multipart/form-data", "\u00e4", "",
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Accept": "application/yaml"},
    {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"},
    {"Accept": "text/html;q=2,*/*;q=x"},
    {"Range": "bytes=5-2"},
    {"Range": "bytes=-99999999999999999999"},
    {"Content-Range": "bytes 0-9/10"},
    {"Content-Range": "bytes 9-1/-5"},
    {"If-Match": "*", "If-None-Match": '"x"'},
    {"Origin": "http://evil.example"},
    {"Authorization": "Bearer x.y"},
    {"Authorization": "Basic \u00ff"},
    {"X-HTTP-Method-Override": "DELETE", "X-Forwarded-For": "1, 2"},
    {"Expect": "100-continue"},
    {"Content-Encoding": "gzip"},
)
told: Counter[int] = Counter()
attacked: set[str] = set()


@dataclass(frozen=True)
class Call:
    """One request, as far as a WSGI client sends it."""

    method: str
    path: str
    query: dict[str, Any]
    body: bytes
    media: str
    headers: dict[str, str]


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    made = make_target(tmp_path / "artifacts")
    yield made
    close(made)


def as_call(case: Any) -> Call:
    body = b"" if not isinstance(case.body, dict | list | str | bytes | int | float | None) else case.body
    if not isinstance(body, bytes):
        body = json.dumps(body, default=str).encode()
    query = {str(name): value for name, value in (case.query or {}).items()} if isinstance(case.query, Mapping) else {}
    return Call(case.method, case.formatted_path, _patient(query), body, case.media_type or "", {})


def _patient(query: dict[str, Any]) -> dict[str, Any]:
    """Without what would, rightly, hold a connection for hours."""
    seconds = str(query.get("timeoutSeconds", ""))
    if seconds.isascii() and seconds.isdecimal() and int(seconds) > 0:
        query = {**query, "timeoutSeconds": "0"}
    return query


def to_what_is_there(call: Call, template: str) -> Call:
    """The same for a resource that exists."""
    path = re.sub(r"\{sha256\}", SHA256, template.replace("{namespace}", "default"))
    return replace(call, path=re.sub(r"\{\w+\}", "there", path))


def cut(call: Call, chance: random.Random) -> Call:
    """Its body with some bytes changed, lost or repeated."""
    body = bytearray(call.body or b"{}")
    for _ in range(chance.randint(1, 3)):
        begin = chance.randrange(len(body) + 1)
        end = min(len(body), begin + chance.randint(0, 8))
        body[begin:end] = chance.choice([b"", b"\0", b"\xff", b"[" * 200, bytes(body[begin:end]) * 3, b'"', b"1e999"])
    return replace(call, body=bytes(body))


def grafted(call: Call, chance: random.Random) -> Call:
    """A right resource of the kind that is addressed, with a part of what was generated in a place of it."""
    plural = next((part for part in call.path.split("/") if part in SEEDS), "models")
    resource = copy.deepcopy(SEEDS[plural])
    try:
        scion = json.loads(call.body)
    except ValueError:
        scion = call.body.decode(errors="replace")
    parts = list(scion.values()) if isinstance(scion, dict) and scion else [scion]
    where: Any = resource
    while True:
        step = chance.choice(sorted(where) if isinstance(where, dict) else range(len(where)))
        deeper = where[step]
        if not isinstance(deeper, dict | list) or not deeper or chance.random() < 0.25:
            where[step] = chance.choice(parts)
            break
        where = deeper
    return replace(call, body=json.dumps(resource).encode(), media="application/json")


def _is_full(response: Any) -> bool:
    # Who asks for YAML hears it in YAML.
    return response.status_code == 507 and "InsufficientStorage" in response.get_data(as_text=True)


def send(target: Target, call: Call) -> None:
    with contextlib.suppress(UnicodeError):
        # Only what a client can put on the wire: a lone surrogate is no text in a URL.
        _send(target, call)


def _send(target: Target, call: Call) -> None:
    path = "".join(quote(part, safe="%") if part != "/" else part for part in re.split("(/)", call.path))
    response = target.client.open(
        path,
        method=call.method,
        query_string={
            name: value if isinstance(value, str) else json.dumps(value) for name, value in call.query.items()
        },
        data=call.body,
        content_type=call.media or None,
        headers={name: value.encode().decode("latin-1") for name, value in call.headers.items()},
        buffered=True,
    )
    told[response.status_code] += 1
    # 690,380,074 TB do not fit on this disk, and saying so is no mistake of the server's.
    assert response.status_code < 500 or _is_full(response), f"{call}\n{response.get_data(as_text=True)[:2000]}"
    if response.status_code >= 400 and call.method != "HEAD":
        assert response.get_data(), f"an error without a word: {call}"
    response.close()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_call_is_answered_by_a_5xx(name: str, mode: GenerationMode, target: Target) -> None:
    operation = OPERATIONS[name]
    chance = random.Random(name)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def attack(case: Any) -> None:
        call = as_call(case)
        there = to_what_is_there(call, operation.path)
        send(target, call)
        send(target, there)
        send(target, replace(there, headers=chance.choice(HEADERS)))
        send(target, cut(there, chance))
        send(target, replace(there, media=chance.choice(MEDIA)))
        send(target, grafted(there, chance))

    # A call without parameters or body of a shape cannot be made wrongly.
    with contextlib.suppress(Unsatisfiable):
        attack()
    attacked.add(f"{name} {mode}")


def test_every_route_is_named_by_a_served_document_and_every_named_call_has_a_route(target: Target) -> None:
    rules = target.client.application.url_map
    doors = {
        (method, rule.rule)
        for rule in rules.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        # What is generic stands for the kinds, which their documents name.
        if not rule.rule.startswith("/openapi/") and "<plural>" not in rule.rule
    }
    adapter = rules.bind("gm.example")
    served = set()
    for operation in OPERATIONS.values():
        path = re.sub(r"\{\w+\}", "x", operation.path.replace("{sha256}", SHA256))
        # Raises NotFound or MethodNotAllowed.
        rule, _ = adapter.match(path, operation.method.upper(), return_rule=True)
        served.add((operation.method.upper(), rule.rule))
    assert not doors - served


def test_there_were_twenty_thousand_requests() -> None:
    if len(attacked) < 2 * len(OPERATIONS):
        pytest.skip("only a part of the calls was made")
    assert sum(told.values()) >= AT_LEAST
    # Most is refused, but not all: otherwise nothing behind the first check was attacked.
    assert sum(number for code, number in told.items() if code < 300) > AT_LEAST / 10
