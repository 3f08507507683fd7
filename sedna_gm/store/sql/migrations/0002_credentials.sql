-- What proves who calls: tokens of people, one-time tokens by which a host joins, keys of nodes. Never the secret itself.
-- `gave` is, of a join token that was used, the id of the key that it was exchanged for.
CREATE TABLE credentials (
    id TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    namespaces TEXT NOT NULL,
    created TEXT NOT NULL,
    expires TEXT,
    revoked TEXT,
    used TEXT,
    gave TEXT
);
CREATE INDEX credentials_by_name ON credentials (kind, name);
