-- Passwords for mail clients. Times are milliseconds since 1970, addresses 16 bytes (IPv4 as IPv4-mapped IPv6),
-- enumerations the numbers that the code names.
CREATE TABLE app_passwords (
    id TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    -- HMAC-SHA256 of login and password under the server key.
    secret BLOB NOT NULL UNIQUE,
    -- JSON lists; an empty list of networks is any.
    protocols TEXT NOT NULL,
    networks TEXT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    created_by_login TEXT,
    last_used_at BIGINT,
    last_used_from BLOB,
    revoked_at BIGINT,
    revoked_by_login TEXT
);
CREATE INDEX app_passwords_login ON app_passwords (login);

-- Where accounts' own passwords are refused over protocols that can't ask for a second factor. `scope` is empty, a
-- domain or a login.
CREATE TABLE main_passwords (
    scope_kind SMALLINT NOT NULL,
    scope TEXT NOT NULL,
    refused SMALLINT NOT NULL,
    PRIMARY KEY (scope_kind, scope)
);
