-- Sessions of accounts on the web.
CREATE TABLE web_sessions (
    id           TEXT NOT NULL PRIMARY KEY,
    token        BLOB NOT NULL UNIQUE,
    account      TEXT NOT NULL,
    address      BLOB,
    client       TEXT,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);
CREATE INDEX web_sessions_by_account ON web_sessions (account);
