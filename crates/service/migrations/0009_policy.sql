-- Access rules, sending limits, known networks, and changes that return by themselves. `body` is a piece as every
-- reader gets it; the columns before it are for finding it. Times are milliseconds since 1970.

-- A deleted rule or limit stays: events name it.
CREATE TABLE access_rules (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    body TEXT NOT NULL
);
CREATE TABLE sending_limits (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    body TEXT NOT NULL
);

-- The networks from which somebody is expected to send. `scope` is JSON.
CREATE TABLE policy_known_networks (
    scope TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE trials (
    id TEXT NOT NULL PRIMARY KEY,
    -- No longer running since then.
    ended_at BIGINT,
    body TEXT NOT NULL,
    -- The change that takes it back, as JSON.
    inverse TEXT NOT NULL
);
