-- name: add_taste
-- Makes the user's row, if there is none, so that it can be locked.
INSERT INTO mesh.user_tastes (user_id) VALUES (%(user_id)s) ON CONFLICT (user_id) DO NOTHING;

-- name: lock_taste
-- Locks the user's row: favourites don't change, and nobody else writes the vector, until the transaction ends.
SELECT favourites_version FROM mesh.user_tastes WHERE user_id = %(user_id)s FOR UPDATE;

-- name: copy_opinions
-- One row for each medium that the user has an opinion of: liked, disliked, milliseconds played, vector. A medium that
-- several connectors know counts with its strongest signal, not with their sum.
COPY (
    SELECT f.liked, f.disliked, f.ms_played, e.embedding
    FROM (
        SELECT media_id, bool_or(signal = 'liked') AS liked, bool_or(signal = 'disliked') AS disliked,
               coalesce(max(CASE WHEN ms_played > 0 THEN ms_played ELSE plays * 180000::bigint END), 0) AS ms_played
        FROM mesh.favourites
        WHERE user_id = %(user_id)s
        GROUP BY media_id
    ) AS f
    JOIN mesh.media_embeddings AS e ON e.media_id = f.media_id AND e.model = %(model)s
    ORDER BY f.media_id
) TO STDOUT (FORMAT BINARY);

-- name: upsert_vector
-- Writes the user's vector.
INSERT INTO mesh.user_taste_vectors (user_id, model, taste)
VALUES (%(user_id)s, %(model)s, %(taste)s::vector)
ON CONFLICT (user_id, model) DO UPDATE SET taste = EXCLUDED.taste;

-- name: delete_vector
-- The user has nothing left to make a vector of.
DELETE FROM mesh.user_taste_vectors WHERE user_id = %(user_id)s AND model = %(model)s;

-- name: mark_built
-- Says what the vector was made of, or why there is none.
UPDATE mesh.user_tastes
SET built_version = %(built_version)s, vector_version = vector_version + 1, state = %(state)s, reason = %(reason)s,
    media = %(media)s, updated_at = clock_timestamp()
WHERE user_id = %(user_id)s
RETURNING vector_version;

-- name: enqueue_stale_tastes
-- Has the vector built again of each user whose favourites have changed since it was built, unless a job for it waits;
-- returns how many users those are.
SELECT count(mesh.enqueue(
    'build_taste_vector', jsonb_build_object('user_id', t.user_id), user_id => t.user_id,
    unique_key => 'backfill:' || t.user_id
))
FROM mesh.user_tastes AS t
WHERE t.favourites_version > t.built_version
  AND NOT EXISTS (
      SELECT FROM mesh.jobs AS j WHERE j.job_type = 'build_taste_vector' AND j.user_id = t.user_id
  );
