"""What every store of credentials promises, and what another process sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna.api.tokens import id_of, make_token, sha256_of
from sedna_gm.errors import AlreadyExists, StoreUnavailable
from sedna_gm.store.credentials import Credential, Credentials, MemoryCredentials
from sedna_gm.store.sql.credentials import SqlCredentials

NOW, LATER = "2026-11-22T14:00:00Z", "2026-11-23T14:00:00Z"


def credential(kind: str = "person", name: str = "ann", **more: object) -> Credential:
    token = make_token()
    return Credential(id_of(token), sha256_of(token), kind, name, NOW, **more)  # type: ignore[arg-type]


def key(node: str = "edge-1") -> Credential:
    return credential("node", node)


class CredentialsContract:
    def test_what_was_added_is_found_as_it_was(self, credentials: Credentials) -> None:
        made = credential(role="editor", namespaces=("a", "b"), expires=LATER)
        credentials.add(made)
        assert credentials.find(made.id) == made
        assert credentials.find("nobody-1") is None
        assert list(credentials.all()) == [made]

    def test_an_id_is_given_once(self, credentials: Credentials) -> None:
        made = credential()
        credentials.add(made)
        with pytest.raises(AlreadyExists):
            credentials.add(made)

    def test_a_join_token_is_exchanged_once_and_the_same_exchange_is_answered_again(
        self, credentials: Credentials
    ) -> None:
        join, mine = credential("join", "edge-1", expires=LATER), key()
        credentials.add(join)
        assert credentials.exchange(join.id, mine, NOW) == "made"
        assert credentials.exchange(join.id, mine, NOW) == "known"
        assert credentials.exchange(join.id, key(), NOW) == "refused"
        assert credentials.find(join.id).state(NOW) == "used"  # type: ignore[union-attr]
        assert credentials.find(mine.id) == mine

    def test_a_join_token_is_for_its_node_and_its_time(self, credentials: Credentials) -> None:
        join = credential("join", "edge-1", expires=LATER)
        credentials.add(join)
        assert credentials.exchange(join.id, key("edge-2"), NOW) == "refused"
        assert credentials.exchange(join.id, key(), LATER) == "refused"
        assert credentials.exchange("unknown-1", key(), NOW) == "refused"

    def test_a_key_cannot_take_the_id_of_another_credential(self, credentials: Credentials) -> None:
        admin, join = credential(role="admin"), credential("join", "edge-1")
        credentials.add(admin)
        credentials.add(join)
        stolen = Credential(admin.id, sha256_of("x"), "node", "edge-1", NOW)
        assert credentials.exchange(join.id, stolen, NOW) == "refused"
        assert credentials.replace_key(stolen) == "refused"
        assert credentials.find(admin.id) == admin

    def test_both_keys_are_good_until_the_new_one_is_used(self, credentials: Credentials) -> None:
        old, new = key(), key()
        credentials.add(old)
        credentials.first_use(old.id, NOW)
        assert credentials.replace_key(new) == "made"
        assert credentials.replace_key(new) == "known"
        assert credentials.find(old.id)
        assert credentials.find(new.id)
        credentials.first_use(new.id, LATER)
        assert credentials.find(old.id) is None
        assert credentials.find(new.id).used == LATER  # type: ignore[union-attr]

    def test_a_node_has_two_keys_at_most_and_touches_no_other_nodes(self, credentials: Credentials) -> None:
        other = key("edge-2")
        old, *pending = key(), key(), key(), key()
        credentials.add(other)
        credentials.add(old)
        credentials.first_use(old.id, NOW)
        for each in pending:
            credentials.replace_key(each)
        assert {one.id for one in credentials.all()} == {other.id, old.id, pending[-1].id}

    def test_a_revoked_key_does_not_come_back_by_the_same_exchange(self, credentials: Credentials) -> None:
        join, mine = credential("join", "edge-1"), key()
        credentials.add(join)
        credentials.exchange(join.id, mine, NOW)
        assert [one.id for one in credentials.revoke(lambda one: one.name == "edge-1", NOW)] == [mine.id]
        assert credentials.exchange(join.id, mine, NOW) == "refused"
        assert credentials.replace_key(mine) == "refused"

    def test_what_ended_long_ago_is_forgotten_and_the_rest_is_not(self, credentials: Credentials) -> None:
        good, ended, used = credential(expires=LATER), credential(expires=NOW), credential("join", "edge-1")
        for each in (good, ended, used):
            credentials.add(each)
        credentials.exchange(used.id, key(), NOW)
        assert credentials.forget(NOW) == 0
        assert credentials.forget("2026-11-22T15:00:00Z") == 2
        assert {one.kind for one in credentials.all()} == {"person", "node"}


class TestMemoryCredentials(CredentialsContract):
    @pytest.fixture
    def credentials(self) -> Credentials:
        return MemoryCredentials()


class TestSqlCredentials(CredentialsContract):
    @pytest.fixture
    def credentials(self, tmp_path: Path) -> Iterator[Credentials]:
        credentials = SqlCredentials(f"sqlite:///{tmp_path / 'gm.db'}")
        yield credentials
        credentials.close()

    def test_what_another_process_revokes_is_seen_by_the_next_look(self, tmp_path: Path) -> None:
        mine, other = (SqlCredentials(f"sqlite:///{tmp_path / 'gm.db'}") for _ in range(2))
        made = credential(role="viewer")
        other.add(made)
        assert mine.find(made.id) == made
        other.revoke(lambda one: one.id == made.id, LATER)
        assert mine.find(made.id).state(LATER) == "revoked"  # type: ignore[union-attr]
        mine.close()
        other.close()

    def test_a_database_that_is_gone_is_an_outage_and_lets_nobody_in(self, tmp_path: Path) -> None:
        credentials = SqlCredentials(f"sqlite:///{tmp_path / 'gm.db'}")
        credentials.close()
        with pytest.raises(StoreUnavailable):
            credentials.find("anybody-1")


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (credential(), "good"),
        (credential(expires=LATER), "good"),
        (credential(expires=NOW), "expired"),
        (credential(expires=LATER, revoked=NOW), "revoked"),
        (credential("join", "n", used=NOW), "used"),
        (credential("node", "n", used=NOW), "good"),
    ],
)
def test_a_credential_is_good_until_it_ends(one: Credential, state: str) -> None:
    assert one.state(NOW) == state
