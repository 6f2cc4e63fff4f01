-- name: new_sync_id
-- The id that a sync is going to have: its raw file's key contains it.
SELECT mesh.uuidv7();

-- name: find_raw_file
-- The user's raw file of the same content, if it was stored before.
SELECT id, storage_key
FROM mesh.raw_files
WHERE user_id = %(user_id)s AND connector = %(connector)s AND sha256 = %(sha256)s;

-- name: insert_raw_file
-- Records a stored file; no row when somebody has recorded the same content meanwhile.
INSERT INTO mesh.raw_files (user_id, connector, sha256, storage_key, name, size)
VALUES (%(user_id)s, %(connector)s, %(sha256)s, %(storage_key)s, %(name)s, %(size)s)
ON CONFLICT (user_id, connector, sha256) DO NOTHING
RETURNING id;

-- name: insert_sync
-- Begins a sync.
INSERT INTO mesh.syncs (id, user_id, connector, raw_file)
VALUES (%(id)s, %(user_id)s, %(connector)s, %(raw_file)s);

-- name: set_sync_job
-- Notes which job carries the sync on.
UPDATE mesh.syncs SET job_id = %(job_id)s WHERE id = %(id)s;

-- name: read_sync
-- What the job needs to know of a sync.
SELECT s.user_id, s.connector, s.state, f.storage_key, f.name
FROM mesh.syncs AS s
JOIN mesh.raw_files AS f ON f.id = s.raw_file
WHERE s.id = %(id)s;

-- name: hold_sync
-- Until the transaction ends, the sync is neither staged nor deleted, and its job not given to another worker. No row when
-- that has happened.
SELECT s.id
FROM mesh.syncs AS s
JOIN mesh.leases AS l ON l.token = %(token)s
WHERE s.id = %(sync_id)s AND s.state = 'stored'
FOR SHARE OF s FOR KEY SHARE OF l;

-- name: clear_staging
-- Forgets what is staged of the sync: an earlier attempt's, or what has served.
DELETE FROM mesh.staged_items WHERE sync_id = %(id)s;

-- name: copy_staging
-- Stages a batch of items.
COPY mesh.staged_items (
    sync_id, kind, stream, signal, fidelity, schemes, ids, title, creator, album, genre, title_key, creator_key, at, ms_played
) FROM STDIN;

-- name: mark_staged
-- The whole export is staged.
UPDATE mesh.syncs
SET state = 'staged', job_id = %(job_id)s, records = %(records)s, kept = %(kept)s, skipped = %(skipped)s
WHERE id = %(id)s;

-- name: sync_status
-- How far a sync and the vector that follows from it are. It has failed when the queue has given up its job, and only then.
SELECT CASE
           WHEN s.state = 'applied' AND t.built_version >= s.favourites_version THEN 'built'
           WHEN d.id IS NOT NULL THEN 'failed'
           ELSE s.state
       END AS state,
       coalesce(d.errors -> -1 ->> 'error', d.reason) AS problem,
       s.records, s.kept, s.skipped, t.state AS taste, t.reason, t.media, t.vector_version
FROM mesh.syncs AS s
LEFT JOIN mesh.user_tastes AS t USING (user_id)
LEFT JOIN mesh.dead_jobs AS d ON d.id = s.job_id
WHERE s.id = %(id)s;

-- name: live_workers
-- How many workers live that run jobs of all these types.
SELECT count(*) FROM mesh.workers WHERE expires_at > clock_timestamp() AND types @> %(types)s;
