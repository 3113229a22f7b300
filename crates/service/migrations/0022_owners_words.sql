-- What was said of an account's sign-ins from a client network: that they were its owner's, or that they were not. The
-- last word counts.
CREATE TABLE owners_words (
    login TEXT NOT NULL,
    network TEXT NOT NULL,
    at BIGINT NOT NULL,
    was_owner BOOLEAN NOT NULL,
    PRIMARY KEY (login, network)
);
