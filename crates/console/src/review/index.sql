-- What stands in messages of all snapshots, each content once, whatever the number of snapshots that hold it.
CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT,
    parent TEXT
) STRICT;

-- Where it lay, from the snapshot of that time on and until the one that has it there no longer, in milliseconds.
CREATE TABLE place (
    content INTEGER NOT NULL REFERENCES content (id),
    path TEXT NOT NULL,
    account TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER
) STRICT;
CREATE INDEX place_content ON place (content);
CREATE INDEX place_until ON place (until) WHERE until IS NOT NULL;
CREATE UNIQUE INDEX place_now ON place (path) WHERE until IS NULL;

-- The snapshots that are in it.
CREATE TABLE indexed (
    snapshot TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE words USING fts5 (
    subject, people, body, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
PRAGMA user_version = 1;
