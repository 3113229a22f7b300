-- Why the service set a block by itself; none for one set by hand.
ALTER TABLE blocks ADD COLUMN cause SMALLINT;
