-- Whether the host's stored counts of likes agree with its ratings: found and repaired by `mesh doctor likes`. The statements
-- with which it is diagnosed by hand look at the same tables and find the same: post_ratings, comments, and posts_new.

-- name: like_tables
-- Which of the tables there are; null where one is missing.
SELECT name, to_regclass(name)::text AS found FROM unnest(ARRAY['posts_new', 'post_ratings', 'comments']) AS name;

-- name: duplicate_ratings
-- Sessions that have rated a post more than once.
SELECT post_id::text AS post, session_id::text AS session, count(*) AS ratings
FROM post_ratings GROUP BY post_id, session_id HAVING count(*) > 1 ORDER BY post_id, session_id LIMIT %(limit)s;

-- name: drift
-- Posts whose stored count is another than the number of their ratings. `waits` says that a job is on its way to count them.
WITH counted AS (
    SELECT p.id, p.likes AS stored, count(r.post_id) AS ratings
    FROM posts_new p LEFT JOIN post_ratings r ON r.post_id = p.id
    GROUP BY p.id, p.likes HAVING p.likes <> count(r.post_id)
), on_its_way AS (
    SELECT j.payload ->> 'post_id' AS post FROM mesh.jobs j WHERE j.job_type = 'sync_like_count'
    UNION
    SELECT j.payload ->> 'post_id' FROM mesh.leases l CROSS JOIN LATERAL unnest(l.jobs) AS j
    WHERE j.job_type = 'sync_like_count'
      AND NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
)
SELECT c.id::text AS post, c.stored, c.ratings, EXISTS (SELECT FROM on_its_way o WHERE o.post = c.id::text) AS waits
FROM counted c ORDER BY 4, c.id LIMIT %(limit)s;

-- name: oldest_count
-- For how many seconds the oldest job that should have counted a post has been due.
SELECT extract(epoch FROM clock_timestamp() - min(run_at))::float8 AS seconds FROM mesh.jobs
WHERE job_type = 'sync_like_count' AND run_at <= clock_timestamp();

-- name: orphaned_ratings
-- Ratings of posts that are gone.
SELECT r.post_id::text AS post, count(*) AS ratings FROM post_ratings r
WHERE NOT EXISTS (SELECT FROM posts_new p WHERE p.id = r.post_id) GROUP BY r.post_id ORDER BY r.post_id LIMIT %(limit)s;

-- name: orphaned_comments
-- Comments on posts that are gone.
SELECT c.post_id::text AS post, count(*) AS comments FROM comments c
WHERE NOT EXISTS (SELECT FROM posts_new p WHERE p.id = c.post_id) GROUP BY c.post_id ORDER BY c.post_id LIMIT %(limit)s;

-- name: delete_duplicates
-- Keeps the first rating that a session gave a post.
DELETE FROM post_ratings WHERE ctid IN (
    SELECT r.ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY post_id, session_id ORDER BY created_at, ctid) AS place
                        FROM post_ratings) AS r
    WHERE r.place > 1);

-- name: delete_orphaned_ratings
-- Ratings of posts that are gone.
DELETE FROM post_ratings r WHERE NOT EXISTS (SELECT FROM posts_new p WHERE p.id = r.post_id);

-- name: delete_orphaned_comments
-- Comments on posts that are gone.
DELETE FROM comments c WHERE NOT EXISTS (SELECT FROM posts_new p WHERE p.id = c.post_id);

-- name: count_post
-- Makes a post's stored count the number of its ratings, with the post locked.
SELECT sync_post_like_count(p.id) AS likes FROM posts_new p WHERE p.id::text = %(post)s;
