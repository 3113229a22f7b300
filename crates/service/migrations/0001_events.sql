-- The event log and what is derived from it. Times are milliseconds since 1970, addresses 16 bytes (IPv4 as
-- IPv4-mapped IPv6), enumerations the numbers that the code names.

CREATE TABLE epochs (
    epoch TEXT NOT NULL PRIMARY KEY,
    first_seq BIGINT NOT NULL,
    started_at BIGINT NOT NULL
);

-- `body` is the event as every reader gets it; the columns before it are for finding it.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    protocol SMALLINT,
    outcome SMALLINT,
    mark SMALLINT,
    login TEXT,
    address BLOB,
    body TEXT NOT NULL
);
CREATE INDEX events_at ON events (at);

-- Finds the events of one account. A job fills it behind the end of the log: kept by every insert it would
-- cost more than all the rest of it.
CREATE TABLE event_logins (
    seq INTEGER PRIMARY KEY,
    login TEXT NOT NULL
);
CREATE INDEX event_logins_login ON event_logins (login, seq);

CREATE TABLE alerts (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    state SMALLINT NOT NULL,
    last_at BIGINT NOT NULL,
    -- The last event that its count includes.
    counted_seq BIGINT NOT NULL,
    -- Where the log stood when it was resolved last.
    settled_seq BIGINT,
    -- The version after the last thing that an admin did.
    step_version BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX alerts_state ON alerts (state, last_at);

CREATE TABLE blocks (
    id TEXT NOT NULL PRIMARY KEY,
    target_kind SMALLINT NOT NULL,
    target TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT,
    created_by_login TEXT,
    expires_at BIGINT,
    lifted_at BIGINT,
    lifted_by_login TEXT,
    version BIGINT NOT NULL
);
CREATE INDEX blocks_lifted ON blocks (lifted_at);

CREATE TABLE accounts (
    login TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    origin SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    note TEXT NOT NULL,
    version BIGINT NOT NULL
);

-- Client networks from which an account succeeded, and the event that did so first.
CREATE TABLE known_networks (
    login TEXT NOT NULL,
    network BLOB NOT NULL,
    first_seq BIGINT NOT NULL,
    PRIMARY KEY (login, network)
);

CREATE TABLE mail_servers (
    server SMALLINT NOT NULL,
    name TEXT NOT NULL,
    first_request_at BIGINT NOT NULL,
    last_request_at BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (server, name)
);

-- What remains of events after their retention: counts per day (days since 1970, UTC).
CREATE TABLE rollups (
    day INTEGER NOT NULL,
    login TEXT NOT NULL,
    protocol SMALLINT NOT NULL,
    outcome SMALLINT NOT NULL,
    network BLOB NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (day, login, protocol, outcome, network)
);

-- How far a job has come through the log.
CREATE TABLE progress (
    job TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);
