-- When an open alert that was put off comes back.
ALTER TABLE alerts ADD COLUMN snoozed_until INTEGER;
