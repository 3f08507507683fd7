-- What people said of hard examples: one label for each example of a dataset, from before its line is in the list.
CREATE TABLE labels (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    example TEXT NOT NULL,
    done INTEGER NOT NULL,
    label TEXT NOT NULL,
    UNIQUE (dataset, example)
);
CREATE INDEX labels_by_dataset ON labels (dataset, done, sequence);
CREATE INDEX open_labels ON labels (sequence) WHERE done = 0;
