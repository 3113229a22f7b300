-- The mail with an invitation's code: while it waits in the outbox, it goes with the code.
ALTER TABLE invitations ADD COLUMN mail TEXT;
