-- Any filter is answered from memory now, by small numbers; two of them are new.
ALTER TABLE events ADD COLUMN explanation INTEGER;
ALTER TABLE events ADD COLUMN device INTEGER;

-- The reasons of an event: their codes as a JSON list, and all their words.
CREATE TABLE explanations (
    no INTEGER PRIMARY KEY,
    codes TEXT NOT NULL,
    words TEXT NOT NULL,
    UNIQUE (codes, words)
) STRICT;

-- What a client called itself, and the mail server that it spoke to; empty for none.
CREATE TABLE devices (
    no INTEGER PRIMARY KEY,
    client TEXT NOT NULL,
    server TEXT NOT NULL,
    UNIQUE (client, server)
) STRICT;

-- Rows of events as memory has them, some thousand in one piece: only for a quick start, and dropped when an
-- event of theirs goes.
CREATE TABLE event_columns (
    first_seq INTEGER PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    columns BLOB NOT NULL
) STRICT;

-- That by login serves the list of accounts.
DROP INDEX events_class;
DROP INDEX events_address;

-- Holds only what login, address, explanation and device don't say; compared letter by letter, as those are.
DROP TABLE event_words;
CREATE VIRTUAL TABLE event_words USING fts5(
    words, content='', contentless_delete=1, detail=none, tokenize='unicode61 remove_diacritics 0'
);
