"""A token belongs to one worker, is nobody else's to read, and survives whatever becomes of the key."""

from __future__ import annotations

import hashlib
import hmac
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedna_lc import units
from sedna_lc.credentials import Credentials, credentials_of, with_token
from sedna_lc.errors import Again
from sedna_lc.images import Image
from sedna_lc.places import Places
from sedna_lc.tokens import WorkerTokens
from tests.lc.workers import make_worker

KEY = ("default", "helmet-detection-demo-train-1")
IMAGE = Image("a:1", ("/python",), "/python", "/app", {})


@pytest.fixture
def tokens(tmp_path: Path) -> WorkerTokens:
    return WorkerTokens(tmp_path / "state")


def test_a_token_is_made_of_the_nodes_key_and_of_who_the_worker_is(tmp_path: Path, tokens: WorkerTokens) -> None:
    token = tokens.hand_over(("team", "w"), "uid-1").read_text()
    key = (tmp_path / "state" / "door-key").read_bytes()
    assert len(key) == 32
    assert token == hmac.new(key, b"team/w/uid-1", hashlib.sha256).hexdigest()
    assert tokens.owner_of(token) == ("team", "w")


def test_no_two_workers_have_one(tokens: WorkerTokens) -> None:
    workers = [("a", "w", "u"), ("b", "w", "u"), ("a", "v", "u")]
    made = {tokens.hand_over((space, name), uid).read_text() for space, name, uid in workers}
    made.add(tokens.hand_over(("a", "w"), "another uid").read_text())
    assert len(made) == 4


def test_the_files_are_this_programs_alone(tmp_path: Path, tokens: WorkerTokens) -> None:
    file = tokens.hand_over(KEY, "u")
    for path in (file, tmp_path / "state" / "door-key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state" / "tokens").stat().st_mode) == 0o700


def test_handing_over_again_changes_nothing(tokens: WorkerTokens) -> None:
    file = tokens.hand_over(KEY, "u")
    before = file.stat()
    assert tokens.hand_over(KEY, "u") == file
    assert file.stat() == before


def test_a_worker_made_again_under_its_name_has_another_one(tokens: WorkerTokens) -> None:
    first = tokens.hand_over(KEY, "u1").read_text()
    second = tokens.hand_over(KEY, "u2").read_text()
    assert (tokens.owner_of(first), tokens.owner_of(second)) == (None, KEY)


@pytest.mark.parametrize("damage", [None, b"", b"short", b"x" * 33])
def test_a_key_that_is_lost_strands_no_running_worker(tmp_path: Path, damage: bytes | None) -> None:
    tokens = WorkerTokens(tmp_path)
    token = tokens.hand_over(KEY, "u").read_text()
    if damage is None:
        (tmp_path / "door-key").unlink()
    else:
        (tmp_path / "door-key").write_bytes(damage)
    other = tokens.hand_over(("default", "new"), "u").read_text()
    assert (tokens.owner_of(token), tokens.owner_of(other)) == (KEY, ("default", "new"))
    assert len((tmp_path / "door-key").read_bytes()) == 32


@settings(max_examples=50)
@given(st.text(max_size=80) | st.from_regex(r"[0-9a-f]{64}", fullmatch=True))
def test_nothing_that_is_made_up_is_anybodys(text: str) -> None:
    assert WorkerTokens(Path("/nowhere-at-all")).owner_of(text) is None


def test_what_a_crash_left_beside_a_token_is_none(tokens: WorkerTokens) -> None:
    file = tokens.hand_over(KEY, "u")
    file.with_name(".sedna-123.tmp").write_text("a" * 64)
    assert tokens.owner_of("a" * 64) is None


def test_what_is_taken_back_means_nothing(tokens: WorkerTokens) -> None:
    token = tokens.hand_over(KEY, "u").read_text()
    for _ in range(2):
        tokens.take_back(KEY)
        assert tokens.owner_of(token) is None
        assert not tokens.was_handed(KEY)


def test_the_unit_is_told_the_file_and_never_the_token(tmp_path: Path, tokens: WorkerTokens) -> None:
    worker = make_worker()
    credentials = with_token(credentials_of(worker, tmp_path), worker, IMAGE, tokens)
    spec = units.describe(worker, IMAGE, Places(tmp_path / "state", tmp_path / "i"), "http://lc", credentials)
    (file,) = spec.credentials.values()
    assert list(spec.credentials) == ["worker-token"]
    token = Path(file).read_text()
    assert token not in f"{spec!r}{spec.environment}{spec.argv}{spec.fingerprint}"


def test_a_library_from_before_is_asked_for_no_token(tmp_path: Path, tokens: WorkerTokens) -> None:
    worker = make_worker()
    old = Image("a:1", ("/python",), "/python", "/app", {}, library=str(tmp_path / "library"))
    tokens.hand_over(KEY, "u")
    assert with_token(Credentials(), worker, old, tokens) == Credentials()
    assert not tokens.was_handed(KEY)
    module = tmp_path / "library" / "sedna" / "service" / "tokens.py"
    module.parent.mkdir(parents=True)
    module.touch()
    assert list(with_token(Credentials(), worker, old, tokens).files) == ["worker-token"]


def test_this_very_library_is_known_to_show_its_token(tmp_path: Path, tokens: WorkerTokens) -> None:
    import sedna

    library = Path(sedna.__file__).parent.parent
    image = Image("a:1", ("/python",), "/python", "/app", {}, library=str(library))
    assert list(with_token(Credentials(), make_worker(), image, tokens).files) == ["worker-token"]


def test_a_token_that_cannot_be_written_is_said_and_waited_for(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the folder's place")
    with pytest.raises(Again) as raised:
        with_token(Credentials(), make_worker(), IMAGE, WorkerTokens(tmp_path / "state"))
    assert raised.value.reason == "StateNotWritable"


def test_no_manifest_names_the_token_as_its_credential(tmp_path: Path) -> None:
    (tmp_path / "worker-token").write_text("{}")
    worker = make_worker(models=[{"name": "m", "url": "s3://b/m", "credentialName": "worker-token"}])
    with pytest.raises(Again, match="not worker-token, which every worker has"):
        credentials_of(worker, tmp_path)
