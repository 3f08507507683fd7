-- What the GM wants of this node, as it was last told: an LC without a GM goes on with it.
CREATE TABLE wanted (
    plural TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    resource TEXT NOT NULL,
    PRIMARY KEY (plural, namespace, name)
) WITHOUT ROWID;

-- What became of each worker. One row per name: a worker made again under its name replaces the old one.
CREATE TABLE workers (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
) WITHOUT ROWID;

-- Reports that the door has answered with 200 and that no record includes yet.
CREATE TABLE reports (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX reports_by_worker ON reports (namespace, name, sequence);

-- What is still to be told to the GM. AUTOINCREMENT: a number is never used twice, so that a letter that is
-- just being sent cannot be mistaken for the one that replaced it.
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,
    body TEXT NOT NULL
);

-- How far each dataset's file has been read.
CREATE TABLE progress (
    uid TEXT PRIMARY KEY,
    progress TEXT NOT NULL
) WITHOUT ROWID;
