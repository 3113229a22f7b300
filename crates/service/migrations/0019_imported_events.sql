-- What tells an event that was read from a mail server's log from all others, so that the same lines are stored once.
-- None for what the service recorded itself. Found by the index on `at`.
ALTER TABLE events ADD COLUMN print BIGINT;
