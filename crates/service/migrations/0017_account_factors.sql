-- Second factors of accounts. Times are milliseconds since 1970, hashes SHA-256.

CREATE TABLE account_authenticators (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Sealed with the server key.
    seed BLOB NOT NULL,
    confirmed SMALLINT NOT NULL,
    -- The newest time step whose code was taken; none at or before it is taken again.
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX account_authenticators_account ON account_authenticators (account);

CREATE TABLE account_recovery_codes (
    account TEXT NOT NULL,
    hash BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (account, hash)
);
