-- Finds events by account, address and class. A job fills these tables behind the end of the log: kept by every
-- insert they would cost more than all the rest of it. In a log that was written before, they fill from its
-- beginning while the service runs.

DROP TABLE event_logins;

-- Every login and address that occurs in the index, under a number.
CREATE TABLE event_accounts (
    no INTEGER PRIMARY KEY,
    login TEXT NOT NULL UNIQUE
);
CREATE TABLE event_addresses (
    no INTEGER PRIMARY KEY,
    address BLOB NOT NULL UNIQUE
);

-- `class` is kind, outcome and protocol as one number.
CREATE TABLE event_index (
    seq INTEGER PRIMARY KEY,
    class INTEGER NOT NULL,
    account INTEGER,
    address INTEGER
);
CREATE INDEX event_index_class ON event_index (class);
CREATE INDEX event_index_account ON event_index (account) WHERE account IS NOT NULL;
CREATE INDEX event_index_address ON event_index (address) WHERE address IS NOT NULL;

-- The numbers between which the events of an hour lie (hours since 1970, UTC).
CREATE TABLE event_hours (
    hour INTEGER PRIMARY KEY,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL
);
