-- Mail on its way out. Times are milliseconds since 1970.

CREATE TABLE outbox (
    -- Makes the Message-ID, so that a mail sent twice can be told for one.
    id TEXT NOT NULL PRIMARY KEY,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- Emptied once the mail needs it no more: it may hold a one-time code.
    body TEXT NOT NULL,
    state SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it is tried next.
    due_at BIGINT NOT NULL,
    -- From then on it is of no use to its reader.
    expires_at BIGINT,
    attempts BIGINT NOT NULL,
    finished_at BIGINT,
    -- What the relay said last.
    answer TEXT
);
CREATE INDEX outbox_state ON outbox (state, due_at);
