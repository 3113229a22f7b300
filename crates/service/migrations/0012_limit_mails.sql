-- When the owner of an account was told last that a sending limit was reached: not again before `until`.
CREATE TABLE limit_mails (
    limit_id TEXT NOT NULL,
    login TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (limit_id, login)
);
