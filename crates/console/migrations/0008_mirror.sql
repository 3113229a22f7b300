-- Mail that was read from the mirror and that the service was not told of yet.
CREATE TABLE mail_reads (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
