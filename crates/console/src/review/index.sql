-- What stands in messages of all snapshots, each content once, whatever the number of snapshots that hold it.
CREATE TABLE content (
    -- By when it was received, so that the index has the newest last.
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

-- Which words, not where in it: half the size, and beginnings of words are found soon. Marks belong to words, as most
-- scripts of India write their vowels by them.
CREATE VIRTUAL TABLE words USING fts5 (
    text, content = '', contentless_delete = 1, detail = none,
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* M* Co'"
);
-- More words in memory before they are written: fewer pieces to merge.
INSERT INTO words (words, rank) VALUES ('hashsize', 33554432);
PRAGMA user_version = 1;
