-- The sha256 of files that were sent before: a file that has not changed is not read again to know it.
CREATE TABLE digests (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    day INTEGER NOT NULL
) WITHOUT ROWID;
