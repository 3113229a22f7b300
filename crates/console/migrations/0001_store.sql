CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Runs of the service's event log of which we saw events; seq from first_seq to last_seq.
CREATE TABLE epochs (
    no INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL UNIQUE,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL
) STRICT;

CREATE TABLE logins (
    no INTEGER PRIMARY KEY,
    login TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE addresses (
    no INTEGER PRIMARY KEY,
    -- 16 bytes; IPv4 as mapped.
    address BLOB NOT NULL UNIQUE
) STRICT;

-- Narrow, so that a scan is quick; `class` holds kind, outcome and protocol in one number.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    at INTEGER NOT NULL,
    class INTEGER NOT NULL,
    login INTEGER,
    address INTEGER
) STRICT;
CREATE INDEX events_class ON events (class);
CREATE INDEX events_login ON events (login) WHERE login IS NOT NULL;
CREATE INDEX events_address ON events (address) WHERE address IS NOT NULL;

CREATE TABLE event_bodies (
    seq INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

-- The span of seq that holds each hour's events: time narrows a search without an index by time.
CREATE TABLE hours (
    hour INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL
) STRICT;

CREATE VIRTUAL TABLE event_words USING fts5(
    words, content='', contentless_delete=1, detail=none, tokenize='unicode61'
);

CREATE TABLE alerts (
    id TEXT NOT NULL PRIMARY KEY,
    state INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_state ON alerts (state, last_at);

CREATE TABLE blocks (
    id TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    login TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was shown on the desktop already, and how grave it was then.
CREATE TABLE shown_notifications (
    alert TEXT NOT NULL PRIMARY KEY,
    severity INTEGER NOT NULL,
    shown_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
    no INTEGER PRIMARY KEY,
    body TEXT NOT NULL UNIQUE
) STRICT;
