-- Resources that can be edited, as the service told of them last. Accounts have a table of their own.
CREATE TABLE resources (
    resource TEXT NOT NULL PRIMARY KEY,
    read_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Edits that are not in effect, one of a resource.
CREATE TABLE drafts (
    resource TEXT NOT NULL PRIMARY KEY,
    began TEXT NOT NULL,
    edit TEXT NOT NULL,
    edited_at INTEGER NOT NULL,
    admin TEXT NOT NULL,
    login TEXT NOT NULL
) STRICT, WITHOUT ROWID;
