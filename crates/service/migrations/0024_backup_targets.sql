-- Further places to which the repository of backups is copied. Times are milliseconds since 1970.
CREATE TABLE backup_targets (
    id TEXT NOT NULL PRIMARY KEY,
    -- JSON: what kind of place, and where.
    place TEXT NOT NULL,
    -- Password or key, sealed with the server key.
    secret BLOB,
    -- Bytes a second.
    rate_limit BIGINT,
    added_at BIGINT NOT NULL,
    -- Of the last copy, of the last one that came to its end, and of the last proof.
    tried_at BIGINT,
    copied_at BIGINT,
    proven_at BIGINT,
    size BIGINT,
    -- JSON: what stood in the way of the last copy or proof.
    trouble TEXT
);
