-- The counter behind every resourceVersion. One row; it must survive the removal of every resource.
CREATE TABLE revisions (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value BIGINT NOT NULL
);
INSERT INTO revisions (id, value) VALUES (1, 0);

-- Every resource as JSON. Cluster-scoped kinds have the empty namespace.
CREATE TABLE resources (
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
);

-- One record per finished round of a job. The uid tells a job from a later one of the same name.
CREATE TABLE rounds (
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    round BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name, uid, round)
);
