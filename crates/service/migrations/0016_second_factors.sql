-- What sign-ins must give beside the password. Times are milliseconds since 1970, enumerations the numbers that the
-- code names.

-- `scope` is empty, a domain, a login or a role's number; `rule` is JSON.
CREATE TABLE factor_rules (
    scope_kind SMALLINT NOT NULL,
    scope TEXT NOT NULL,
    rule TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by_login TEXT,
    PRIMARY KEY (scope_kind, scope)
);

-- Admins who have time until then, whatever the policy says: their factors were reset, or their role changed.
CREATE TABLE factor_grace (
    admin TEXT NOT NULL PRIMARY KEY REFERENCES admins (id) ON DELETE CASCADE,
    until BIGINT NOT NULL
);

-- When which factor was last given. `person` is an admin's id or an account's login.
CREATE TABLE factor_uses (
    person_kind SMALLINT NOT NULL,
    person TEXT NOT NULL,
    factor SMALLINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (person_kind, person, factor)
);

-- When somebody was last reminded of what they lack.
CREATE TABLE factor_reminders (
    person_kind SMALLINT NOT NULL,
    person TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (person_kind, person)
);
