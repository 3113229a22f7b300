-- Mails to account owners after authorizations. Times are milliseconds since 1970, networks the 16 bytes of their
-- first address (IPv4 as IPv4-mapped IPv6), enumerations the numbers that the code names.

-- How an account differs from the organization.
CREATE TABLE account_notices (
    login TEXT NOT NULL PRIMARY KEY,
    mode SMALLINT,
    zone TEXT,
    address TEXT,
    version BIGINT NOT NULL
);

-- Which authorizations an owner was told of, and when they were: those of the same kind that follow within the
-- window belong to the same mail.
CREATE TABLE notices_told (
    login TEXT NOT NULL,
    network BLOB NOT NULL,
    protocol SMALLINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (login, network, protocol)
);
CREATE INDEX notices_told_at ON notices_told (at);

-- What the next daily mail says: one row for authorizations of the same kind.
CREATE TABLE notice_lines (
    login TEXT NOT NULL,
    network BLOB NOT NULL,
    protocol SMALLINT NOT NULL,
    due_at BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    -- The first of them, as its event tells it.
    body TEXT NOT NULL,
    PRIMARY KEY (login, network, protocol)
);
CREATE INDEX notice_lines_due ON notice_lines (due_at);

-- How many mails an owner got within an hour (hours since 1970).
CREATE TABLE notice_mails (
    login TEXT NOT NULL PRIMARY KEY,
    hour BIGINT NOT NULL,
    mails BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);

-- Links "this wasn't me" that were used, by the SHA-256 of their token.
CREATE TABLE not_me (
    link BLOB NOT NULL PRIMARY KEY,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
