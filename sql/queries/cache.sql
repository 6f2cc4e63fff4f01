-- name: get
-- The value of a key, unless it has expired.
SELECT value FROM mesh.cache WHERE key = %(key)s AND expires_at > now();

-- name: put
-- Keeps a value for a time.
INSERT INTO mesh.cache (key, viewer, value, expires_at)
VALUES (%(key)s, %(viewer)s, %(value)s, now() + %(lifetime)s)
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at;

-- name: invalidate
-- Forgets all that was kept for a viewer.
DELETE FROM mesh.cache WHERE viewer = %(viewer)s;

-- name: purge
-- Forgets what has expired.
DELETE FROM mesh.cache WHERE expires_at <= now();
