-- Passkeys of accounts (W3C Web Authentication). Times are milliseconds since 1970.

CREATE TABLE account_passkeys (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The credential's id, which its device chose.
    credential BLOB NOT NULL UNIQUE,
    -- A COSE_Key (RFC 9052), as its device gave it.
    public_key BLOB NOT NULL,
    -- The signatures that its device has counted; 0 of one that does not count.
    counter BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX account_passkeys_account ON account_passkeys (account);
