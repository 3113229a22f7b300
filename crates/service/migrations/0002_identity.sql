-- Who may sign in to the service, and what they did. Times are milliseconds since 1970, addresses 16 bytes
-- (IPv4 as IPv4-mapped IPv6), enumerations the numbers that the code names, hashes SHA-256.

CREATE TABLE organization (
    id SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    -- A JSON list.
    domains TEXT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE admins (
    id TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    role SMALLINT NOT NULL,
    -- Argon2id, as a PHC string.
    password TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT,
    version BIGINT NOT NULL
);

CREATE TABLE authenticators (
    id TEXT NOT NULL PRIMARY KEY,
    admin TEXT NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    -- Sealed with the server key.
    seed BLOB NOT NULL,
    confirmed SMALLINT NOT NULL,
    -- The newest time step whose code was taken; none at or before it is taken again.
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX authenticators_admin ON authenticators (admin);

CREATE TABLE recovery_codes (
    admin TEXT NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (admin, hash)
);

-- Ways in that somebody opened on the server's own shell.
CREATE TABLE recoveries (
    admin TEXT NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (admin, hash)
);

-- Devices from which an admin has signed in before.
CREATE TABLE devices (
    admin TEXT NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    device TEXT NOT NULL,
    name TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    PRIMARY KEY (admin, device)
);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    token BLOB NOT NULL UNIQUE,
    admin TEXT NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    device TEXT NOT NULL,
    device_name TEXT NOT NULL,
    address BLOB,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);
CREATE INDEX sessions_admin ON sessions (admin);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    secret BLOB NOT NULL UNIQUE,
    -- A JSON list.
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by_login TEXT,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    -- JSON; secrets in it are sealed with the server key.
    value TEXT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    admin TEXT,
    login TEXT,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    details TEXT NOT NULL,
    hash BLOB NOT NULL
);
