-- wanted: The last known resources of one kind.
SELECT namespace, name, resource FROM wanted WHERE plural = :plural ORDER BY namespace, name;

-- clear_wanted: Before a list's answer takes their place.
DELETE FROM wanted WHERE plural = :plural;

-- put_wanted: One resource, new or changed.
INSERT OR REPLACE INTO wanted (plural, namespace, name, resource) VALUES (:plural, :namespace, :name, :resource);

-- drop_wanted: One resource is no longer this node's.
DELETE FROM wanted WHERE plural = :plural AND namespace = :namespace AND name = :name;

-- workers: Every record, in a fixed order.
SELECT record FROM workers ORDER BY namespace, name;

-- worker: One record.
SELECT record FROM workers WHERE namespace = :namespace AND name = :name;

-- put_worker: A record, new or changed.
INSERT OR REPLACE INTO workers (namespace, name, record) VALUES (:namespace, :name, :record);

-- drop_worker: The worker is gone.
DELETE FROM workers WHERE namespace = :namespace AND name = :name;

-- add_report: Kept before the door answers.
INSERT INTO reports (namespace, name, body) VALUES (:namespace, :name, :body);

-- reports: What a record does not include yet, oldest first.
SELECT sequence, body FROM reports WHERE namespace = :namespace AND name = :name ORDER BY sequence;

-- drop_reports: The record includes them now.
DELETE FROM reports WHERE namespace = :namespace AND name = :name AND sequence <= :sequence;

-- post: The newest letter of a key is the only one; replacing gives it a new number.
INSERT OR REPLACE INTO outbox (key, path, body) VALUES (:key, :path, :body);

-- letters: What is still to be told, oldest first.
SELECT sequence, key, path, body FROM outbox ORDER BY sequence;

-- settle: Told; a newer letter of the key has another number and stays.
DELETE FROM outbox WHERE key = :key AND sequence = :sequence;

-- withdraw: Nobody is interested any more.
DELETE FROM outbox WHERE key = :key;

-- progress: How far one dataset has been read.
SELECT progress FROM progress WHERE uid = :uid;

-- put_progress: It has been read further.
INSERT OR REPLACE INTO progress (uid, progress) VALUES (:uid, :progress);

-- drop_progress: The dataset is gone.
DELETE FROM progress WHERE uid = :uid;

-- digest: What one file held when it was last read.
SELECT path, size, modified_ns, inode, sha256 FROM digests WHERE path = :path;

-- put_digest: It was read, or found unchanged, on a day.
INSERT OR REPLACE INTO digests (path, size, modified_ns, inode, sha256, day)
VALUES (:path, :size, :modified_ns, :inode, :sha256, :day);

-- drop_digests: Files that nobody has asked for since a day.
DELETE FROM digests WHERE day < :day;

-- label: What one example was labelled with.
SELECT label FROM labels WHERE dataset = :dataset AND example = :example;

-- labels: The newest ones of a dataset, the newest first.
SELECT label FROM labels WHERE dataset = :dataset AND done = 1 ORDER BY sequence DESC LIMIT :most;

-- open_labels: Whose lines may or may not be in their lists.
SELECT label FROM labels WHERE done = 0 ORDER BY sequence;

-- put_label: Intended, or done.
INSERT INTO labels (dataset, example, done, label) VALUES (:dataset, :example, :done, :label)
ON CONFLICT (dataset, example) DO UPDATE SET done = excluded.done, label = excluded.label;

-- drop_label: Its line is not in the list, and will not be.
DELETE FROM labels WHERE dataset = :dataset AND example = :example;

-- drop_labels: The dataset is gone.
DELETE FROM labels WHERE dataset = :dataset;

-- documents: Every text that is JSON, as the bytes that lie there.
SELECT CAST(resource AS BLOB) FROM wanted
UNION ALL SELECT CAST(record AS BLOB) FROM workers
UNION ALL SELECT CAST(body AS BLOB) FROM reports
UNION ALL SELECT CAST(body AS BLOB) FROM outbox
UNION ALL SELECT CAST(progress AS BLOB) FROM progress
UNION ALL SELECT CAST(label AS BLOB) FROM labels;
