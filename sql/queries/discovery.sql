-- name: viewer
-- The active model, and how far the viewer's vector of it is.
SELECT m.id AS model, m.dimension, t.vector_version, t.reason, v.user_id IS NOT NULL AS has_vector,
       coalesce(t.built_version < t.favourites_version, false) OR EXISTS (
           SELECT FROM mesh.syncs AS s
           WHERE s.user_id = %(viewer)s AND s.state <> 'applied'
             AND NOT EXISTS (SELECT FROM mesh.dead_jobs AS d WHERE d.id = s.job_id)
       ) AS waiting
FROM mesh.embedding_models AS m
LEFT JOIN mesh.user_tastes AS t ON t.user_id = %(viewer)s
LEFT JOIN mesh.user_taste_vectors AS v ON v.user_id = t.user_id AND v.model = m.id
WHERE m.state = 'active';

-- name: widen_search
-- Lets the index look at as many vectors as are wanted; by default it returns 40 rows however many are asked for.
SELECT set_config('hnsw.ef_search', %(ef_search)s, true), set_config('hnsw.iterative_scan', 'strict_order', true);

-- name: nearest
-- The users nearest to the viewer by cosine. The model and its dimension are literals, so that its partial index serves.
SELECT near.user_id, 1 - near.distance AS score
FROM (
    SELECT v.user_id, v.taste::vector({dimension}) <=> (
        SELECT own.taste::vector({dimension})
        FROM mesh.user_taste_vectors AS own
        WHERE own.model = {model} AND own.user_id = %(viewer)s
    ) AS distance
    FROM mesh.user_taste_vectors AS v
    WHERE v.model = {model} AND v.user_id <> %(viewer)s
    ORDER BY distance
    LIMIT %(limit)s
) AS near
ORDER BY near.distance, near.user_id;
