-- Who this store is. Nodes ask it: to another store they do not listen when it does not know their work.
CREATE TABLE identities (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value TEXT NOT NULL
);
INSERT INTO identities (id, value) VALUES (1, lower(hex(randomblob(16))));
