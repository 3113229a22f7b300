-- Sessions bound to a device's key. Those from before have none, and devices from before were known by what
-- they called themselves: both end, and whoever signs in again is entered anew.

DELETE FROM sessions;
DELETE FROM devices;

-- The key's thumbprint (RFC 7638) in base64url; none for a session without a key.
ALTER TABLE sessions ADD COLUMN key TEXT;
-- When a second factor was last given in it.
ALTER TABLE sessions ADD COLUMN factor_at BIGINT NOT NULL DEFAULT 0;

ALTER TABLE devices ADD COLUMN last_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN address BLOB;
-- When a second factor was first given from it.
ALTER TABLE devices ADD COLUMN verified_at BIGINT;
ALTER TABLE devices ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
