-- Long work on the backup repository: what is under way, and what came to an end. Times are milliseconds since 1970.
CREATE TABLE backup_jobs (
    id TEXT NOT NULL PRIMARY KEY,
    work SMALLINT NOT NULL,
    -- None if the service began by itself.
    by_login TEXT,
    begun_at BIGINT NOT NULL,
    ended_at BIGINT,
    -- JSON: how far it was at its end, and how it ended.
    progress TEXT,
    outcome TEXT,
    -- Whether it came to a result: it was neither cancelled nor stopped with the service.
    has_result BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX backup_jobs_begun_at ON backup_jobs (begun_at);

-- Whether an admin may read the mail in snapshots.
ALTER TABLE admins ADD COLUMN reads_mail BOOLEAN NOT NULL DEFAULT FALSE;

-- Reads of mail in a mirror that consoles told of, so that one told twice is written once.
CREATE TABLE mail_reads (
    id TEXT NOT NULL PRIMARY KEY,
    told_at BIGINT NOT NULL
);
