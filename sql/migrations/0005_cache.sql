-- The cache: what can be computed again at any time, and so the one table that a crash may empty.

CREATE UNLOGGED TABLE mesh.cache (
    key text PRIMARY KEY,
    viewer text NOT NULL,
    value bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX cache_viewer ON mesh.cache (viewer);
CREATE INDEX cache_expires_at ON mesh.cache (expires_at);
COMMENT ON TABLE mesh.cache IS 'Answers by key. Keys hold the versions of what they were computed from, so that none is ever stale.';

SELECT mesh.keep_private();
