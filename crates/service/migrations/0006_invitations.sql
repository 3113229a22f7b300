-- Who may become an admin by setting a password. A row goes once it was accepted or revoked.
CREATE TABLE invitations (
    id TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    role SMALLINT NOT NULL,
    code BLOB NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    created_by_login TEXT,
    expires_at BIGINT NOT NULL
);
