-- Browsers in which accounts signed in on the web, known by their signed cookies. One browser may be several accounts'.
-- Times are milliseconds since 1970.
CREATE TABLE account_devices (
    account     TEXT NOT NULL,
    device      TEXT NOT NULL,
    name        TEXT NOT NULL,
    first_at    BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    address     BLOB,
    -- When a second factor was first given from it.
    verified_at BIGINT,
    PRIMARY KEY (account, device)
);
-- None of a session from before.
ALTER TABLE web_sessions ADD COLUMN device TEXT;
-- The color of the organization's pages, as #rrggbb.
ALTER TABLE organization ADD COLUMN accent TEXT;
