-- Every query of the store. `queries.py` reads this file; a query begins with its name.

-- name: load_resource
-- One resource.
SELECT body FROM resources WHERE kind = :kind AND namespace = :namespace AND name = :name;

-- name: save_resource
-- A new resource, or its new state.
INSERT INTO resources (kind, namespace, name, revision, body)
VALUES (:kind, :namespace, :name, :revision, :body)
ON CONFLICT (kind, namespace, name) DO UPDATE SET revision = excluded.revision, body = excluded.body;

-- name: remove_resource
-- A resource that is gone.
DELETE FROM resources WHERE kind = :kind AND namespace = :namespace AND name = :name;

-- name: read_revision
-- The number of the last accepted write.
SELECT value FROM revisions WHERE id = 1;

-- name: write_revision
-- The number of the last write of this transaction.
UPDATE revisions SET value = :value WHERE id = 1;

-- name: scan_everywhere
-- A kind over all namespaces, in the order of lists, from behind a position.
SELECT body FROM resources
WHERE kind = :kind AND (namespace, name) > (:after_namespace, :after_name)
ORDER BY namespace, name;

-- name: scan_namespace
-- A kind within one namespace, in the order of lists, from behind a position.
SELECT body FROM resources
WHERE kind = :kind AND namespace = :namespace AND name > :after_name
ORDER BY name;

-- name: add_round
-- The record of a finished round; a second one for the same round is not taken.
INSERT INTO rounds (kind, namespace, name, uid, round, body)
VALUES (:kind, :namespace, :name, :uid, :round, :body)
ON CONFLICT (kind, namespace, name, uid, round) DO NOTHING;

-- name: rounds_oldest_first
-- Records after a round.
SELECT body FROM rounds
WHERE kind = :kind AND namespace = :namespace AND name = :name AND uid = :uid AND round > :after
ORDER BY round LIMIT :limit;

-- name: rounds_newest_first
-- The last records.
SELECT body FROM rounds
WHERE kind = :kind AND namespace = :namespace AND name = :name AND uid = :uid AND round > :after
ORDER BY round DESC LIMIT :limit;

-- name: read_identity
-- Which store this is.
SELECT value FROM identities WHERE id = 1;

-- name: list_histories
-- Every job that has records, and how many.
SELECT kind, namespace, name, uid, count(*) AS count FROM rounds GROUP BY kind, namespace, name, uid;

-- name: drop_round
-- One record that nobody needs any more.
DELETE FROM rounds WHERE kind = :kind AND namespace = :namespace AND name = :name AND uid = :uid AND round = :round;

-- name: create_migrations
-- Which numbered steps of the schema this database has taken.
CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL);

-- name: list_migrations
-- The steps taken so far.
SELECT number, name FROM migrations ORDER BY number;

-- name: note_migration
-- One more step taken.
INSERT INTO migrations (number, name) VALUES (:number, :name);

-- name: load_credential
-- One credential.
SELECT id, sha256, kind, name, role, namespaces, created, expires, revoked, used, gave
FROM credentials WHERE id = :id;

-- name: list_credentials
-- All of them, oldest first.
SELECT id, sha256, kind, name, role, namespaces, created, expires, revoked, used, gave
FROM credentials
ORDER BY created, id;

-- name: list_credentials_of
-- Those of one person or node.
SELECT id, sha256, kind, name, role, namespaces, created, expires, revoked, used, gave
FROM credentials WHERE kind = :kind AND name = :name
ORDER BY created, id;

-- name: save_credential
-- A new credential, or its new state.
INSERT INTO credentials (id, sha256, kind, name, role, namespaces, created, expires, revoked, used, gave)
VALUES (:id, :sha256, :kind, :name, :role, :namespaces, :created, :expires, :revoked, :used, :gave)
ON CONFLICT (id) DO UPDATE SET
    expires = excluded.expires, revoked = excluded.revoked, used = excluded.used, gave = excluded.gave;

-- name: remove_credential
-- A credential that is good for nothing any more.
DELETE FROM credentials WHERE id = :id;
