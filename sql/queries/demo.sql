-- name: reading_progress
-- How many exports have become a taste vector, how many have failed, and how many there are.
SELECT count(*) FILTER (WHERE t.state = 'ready' AND t.built_version >= s.favourites_version),
       count(*) FILTER (WHERE d.id IS NOT NULL),
       count(*)
FROM mesh.syncs AS s
LEFT JOIN mesh.user_tastes AS t USING (user_id)
LEFT JOIN mesh.dead_jobs AS d ON d.id = s.job_id;

-- name: library_size
-- How many canonical media there are, and how many of them have a vector.
SELECT (SELECT count(*) FROM mesh.media), (SELECT count(*) FROM mesh.media_embeddings);
