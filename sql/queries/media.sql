-- name: read_staged_sync
-- Whose sync it is and how far.
SELECT user_id, connector, state FROM mesh.syncs WHERE id = %(id)s;

-- name: lock_taste
-- Opens a new version of the user's favourites and keeps every other change of them waiting until the transaction ends.
INSERT INTO mesh.user_tastes (user_id, favourites_version)
VALUES (%(user_id)s, 1)
ON CONFLICT (user_id) DO UPDATE SET favourites_version = user_tastes.favourites_version + 1
RETURNING favourites_version;

-- name: create_resolving
-- The set that is resolved: each distinct thing of the sync once, and the first of those that it is one with.
CREATE TEMPORARY TABLE resolving ON COMMIT DROP AS
SELECT n AS thing, n AS first, kind, schemes, ids, title_key, creator_key, title, creator, album, genre, NULL::bigint AS media_id
FROM (
    SELECT row_number() OVER ()::integer AS n, kind, schemes, ids, title_key, creator_key,
           min(title) AS title, min(creator) AS creator, max(album) AS album, max(genre) AS genre
    FROM mesh.staged_items
    WHERE sync_id = %(id)s
    GROUP BY kind, schemes, ids, title_key, creator_key
) AS things;

-- name: create_resolving_ids
-- The ids of the things, one row each, in their order of trust.
CREATE TEMPORARY TABLE resolving_ids ON COMMIT DROP AS
SELECT r.thing, i.scheme, i.value, i.rank::integer AS rank
FROM resolving AS r
CROSS JOIN LATERAL unnest(r.schemes, r.ids) WITH ORDINALITY AS i (scheme, value, rank);

-- name: analyze_resolving
-- Temporary tables have no statistics until somebody asks for them.
ANALYZE resolving, resolving_ids;

-- name: resolve_by_id
-- A thing is the medium that one of its ids names; of several, the most trusted id decides.
UPDATE resolving AS r
SET media_id = named.media_id
FROM (
    SELECT DISTINCT ON (i.thing) i.thing, coalesce(m.merged_into, m.id) AS media_id
    FROM resolving_ids AS i
    JOIN resolving AS open ON open.thing = i.thing AND open.media_id IS NULL
    JOIN mesh.media_ids AS known ON known.scheme = i.scheme AND known.value = i.value
    JOIN mesh.media AS m ON m.id = known.media_id
    ORDER BY i.thing, i.rank
) AS named
WHERE r.thing = named.thing;

-- name: resolve_by_name
-- A thing is the medium of the same kind, normalised creator and normalised title.
UPDATE resolving AS r
SET media_id = m.id
FROM mesh.media AS m
WHERE r.media_id IS NULL
  AND m.merged_into IS NULL
  AND m.kind = r.kind AND m.creator_key = r.creator_key AND m.title_key = r.title_key;

-- name: linked_things
-- Which things are one because they share an id, or a name: each with the first that has it.
SELECT first, thing
FROM (
    SELECT min(thing) OVER (PARTITION BY scheme, value) AS first, thing FROM resolving_ids
    UNION ALL
    SELECT min(thing) OVER (PARTITION BY kind, creator_key, title_key), thing FROM resolving
) AS linked
WHERE first < thing;

-- name: create_linked
-- Where the first thing of each chain of links is copied to.
CREATE TEMPORARY TABLE linked (thing integer PRIMARY KEY, first integer NOT NULL) ON COMMIT DROP;

-- name: copy_linked
-- Takes the first thing of each chain.
COPY linked (thing, first) FROM STDIN;

-- name: join_linked
-- The things of a chain are one.
UPDATE resolving AS r SET first = l.first FROM linked AS l WHERE l.thing = r.thing;

-- name: resolve_by_link
-- A thing is the medium of those that it is one with.
UPDATE resolving AS r
SET media_id = known.media_id
FROM (SELECT first, min(media_id) AS media_id FROM resolving WHERE media_id IS NOT NULL GROUP BY first) AS known
WHERE r.media_id IS NULL AND known.first = r.first;

-- name: create_media
-- Makes one provisional medium for all things that are one. In the order of the key, and before any id is added, so that
-- two syncs wait for each other in one direction only.
INSERT INTO mesh.media (kind, creator_key, title_key, title, creator, album, genre)
SELECT kind, creator_key, title_key, title, creator, album, genre
FROM (SELECT DISTINCT ON (first) * FROM resolving WHERE media_id IS NULL ORDER BY first, album = '', thing) AS one
ORDER BY kind, creator_key, title_key
ON CONFLICT (kind, creator_key, title_key) WHERE merged_into IS NULL DO NOTHING;

-- name: name_media
-- Notes the ids under which the resolved media are known now, in order, for the same reason.
INSERT INTO mesh.media_ids (scheme, value, media_id)
SELECT DISTINCT ON (i.scheme, i.value) i.scheme, i.value, r.media_id
FROM resolving_ids AS i
JOIN resolving AS r ON r.thing = i.thing AND r.media_id IS NOT NULL
ORDER BY i.scheme, i.value, i.thing
ON CONFLICT (scheme, value) DO NOTHING;

-- name: count_unresolved
-- How many things there are, if any has no medium yet.
SELECT CASE WHEN bool_or(media_id IS NULL) THEN count(*) ELSE 0 END FROM resolving;

-- name: active_model
-- The model whose vectors are in use.
SELECT id, name, version, dimension FROM mesh.embedding_models WHERE state = 'active';

-- name: media_to_embed
-- The media of the set that have no vector of the model yet.
SELECT m.id, m.title, m.creator, m.album, m.genre
FROM mesh.media AS m
WHERE m.id IN (SELECT media_id FROM resolving)
  AND NOT EXISTS (SELECT FROM mesh.media_embeddings AS e WHERE e.model = %(model)s AND e.media_id = m.id);

-- name: create_embedded
-- Where new vectors are copied to before they are added.
CREATE TEMPORARY TABLE embedded (media_id bigint NOT NULL, embedding vector NOT NULL) ON COMMIT DROP;

-- name: copy_embedded
-- Takes new vectors.
COPY embedded (media_id, embedding) FROM STDIN (FORMAT BINARY);

-- name: add_embeddings
-- Adds the new vectors, in order; another sync may have added some meanwhile.
INSERT INTO mesh.media_embeddings (model, media_id, embedding)
SELECT %(model)s, media_id, embedding FROM embedded ORDER BY media_id
ON CONFLICT (model, media_id) DO NOTHING;

-- name: apply_opinions
-- What the user likes and dislikes now, as this sync says.
INSERT INTO mesh.favourites AS f (user_id, connector, stream, media_id, signal, at)
SELECT %(user_id)s, %(connector)s, s.stream, r.media_id, s.signal, min(s.at)
FROM mesh.staged_items AS s
JOIN resolving AS r USING (kind, schemes, ids, title_key, creator_key)
WHERE s.sync_id = %(id)s AND s.signal IN ('liked', 'disliked')
GROUP BY s.stream, r.media_id, s.signal
ON CONFLICT (user_id, connector, stream, media_id) DO UPDATE
SET signal = EXCLUDED.signal, at = coalesce(least(f.at, EXCLUDED.at), f.at, EXCLUDED.at)
WHERE (f.signal, f.at) IS DISTINCT FROM (EXCLUDED.signal, coalesce(least(f.at, EXCLUDED.at), f.at, EXCLUDED.at));

-- name: apply_plays
-- The plays of this sync, each minute of a medium once; a history of higher fidelity corrects what a lower one said.
INSERT INTO mesh.plays AS p (user_id, connector, media_id, minute, fidelity, ms_played)
SELECT %(user_id)s, %(connector)s, r.media_id, coalesce(date_trunc('minute', s.at), '-infinity'),
       max(s.fidelity), max(coalesce(s.ms_played, 0))
FROM mesh.staged_items AS s
JOIN resolving AS r USING (kind, schemes, ids, title_key, creator_key)
WHERE s.sync_id = %(id)s AND s.signal = 'played'
GROUP BY 3, 4
ON CONFLICT (user_id, connector, media_id, minute) DO UPDATE
SET fidelity = EXCLUDED.fidelity, ms_played = EXCLUDED.ms_played
WHERE (EXCLUDED.fidelity, EXCLUDED.ms_played) > (p.fidelity, p.ms_played);

-- name: clear_played
-- Forgets what the user's plays came to, before they are counted again.
DELETE FROM mesh.favourites WHERE user_id = %(user_id)s AND connector = %(connector)s AND stream = 'plays';

-- name: count_plays
-- What the user's plays come to. Plays in a time that a history of higher fidelity covers are that history's to tell.
INSERT INTO mesh.favourites (user_id, connector, stream, media_id, signal, at, plays, ms_played)
WITH covered AS (
    SELECT fidelity, min(minute) AS first, max(minute) AS last
    FROM mesh.plays
    WHERE user_id = %(user_id)s AND connector = %(connector)s AND minute > '-infinity'
    GROUP BY fidelity
)
SELECT %(user_id)s, %(connector)s, 'plays', p.media_id, 'played', max(nullif(p.minute, '-infinity')), count(*), sum(p.ms_played)
FROM mesh.plays AS p
WHERE p.user_id = %(user_id)s AND p.connector = %(connector)s
  AND NOT EXISTS (SELECT FROM covered AS c WHERE c.fidelity > p.fidelity AND p.minute BETWEEN c.first AND c.last)
GROUP BY p.media_id;

-- name: mark_applied
-- The sync has made this version of the user's favourites.
UPDATE mesh.syncs
SET state = 'applied', favourites_version = %(favourites_version)s, job_id = %(job_id)s,
    ended_at = clock_timestamp()
WHERE id = %(id)s;
