-- How each account is used, so that the list of accounts need not look at events: one row for each row of
-- accounts, narrow, since any order but that by login scans it.
CREATE TABLE account_usage (
    login TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Of the last successful sign-in, also when its event is no longer kept.
    last_seq INTEGER,
    last_at INTEGER,
    last_address BLOB,
    last_protocol INTEGER,
    -- Of successful sign-ins in events; protocols as bits.
    networks INTEGER NOT NULL DEFAULT 0,
    protocols INTEGER NOT NULL DEFAULT 0,
    -- Since the time in meta (usage_from).
    failed INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- From which networks an account signed in by which protocols.
CREATE TABLE account_networks (
    -- A number of logins.
    login INTEGER NOT NULL,
    -- The first 3 bytes of an IPv4 address or 8 of an IPv6 address; none of an unknown one.
    network BLOB NOT NULL,
    protocol INTEGER NOT NULL,
    PRIMARY KEY (login, network, protocol)
) STRICT, WITHOUT ROWID;

