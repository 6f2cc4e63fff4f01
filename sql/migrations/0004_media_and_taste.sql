-- Canonical media, what users think of them, and the vectors that follow from it.

CREATE TABLE mesh.media (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    title text NOT NULL,
    creator text NOT NULL,
    album text NOT NULL,
    genre text NOT NULL,
    title_key text NOT NULL,
    creator_key text NOT NULL,
    provisional boolean NOT NULL DEFAULT true,
    merged_into bigint REFERENCES mesh.media,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX media_name ON mesh.media (kind, creator_key, title_key) WHERE merged_into IS NULL;
CREATE INDEX media_merged ON mesh.media (merged_into) WHERE merged_into IS NOT NULL;
COMMENT ON TABLE mesh.media IS 'One row for each work that users can like, whichever service names it.';
COMMENT ON COLUMN mesh.media.provisional IS 'Made from what an export said; no catalogue has confirmed it.';
COMMENT ON COLUMN mesh.media.merged_into IS 'The row that this one turned out to be the same as; it stays, so that ids never change.';

CREATE TABLE mesh.media_ids (
    scheme text NOT NULL,
    value text NOT NULL,
    media_id bigint NOT NULL REFERENCES mesh.media,
    PRIMARY KEY (scheme, value)
);
CREATE INDEX media_ids_media ON mesh.media_ids (media_id);
COMMENT ON TABLE mesh.media_ids IS 'What services and standards call a medium. An ISRC names a recording: many ids, one medium.';

CREATE TABLE mesh.embedding_models (
    id smallint PRIMARY KEY,
    name text NOT NULL,
    version text NOT NULL,
    dimension integer NOT NULL CHECK (dimension BETWEEN 1 AND 2000),
    state text NOT NULL CHECK (state IN ('filling', 'active', 'retired')),
    UNIQUE (name, version)
);
CREATE UNIQUE INDEX embedding_models_active ON mesh.embedding_models (state) WHERE state = 'active';
COMMENT ON TABLE mesh.embedding_models IS 'Which embedders made the vectors. A new one is filled beside the old; then the active row changes.';

INSERT INTO mesh.embedding_models (id, name, version, dimension, state) VALUES (1, 'feature-hashing', '1', 256, 'active');

CREATE TABLE mesh.media_embeddings (
    model smallint NOT NULL REFERENCES mesh.embedding_models,
    media_id bigint NOT NULL REFERENCES mesh.media,
    embedding vector NOT NULL,
    PRIMARY KEY (model, media_id)
);
-- Out of line, the vectors of a whole library cost a second lookup each.
ALTER TABLE mesh.media_embeddings ALTER COLUMN embedding SET STORAGE MAIN;

CREATE TABLE mesh.plays (
    user_id text NOT NULL,
    connector text NOT NULL,
    media_id bigint NOT NULL REFERENCES mesh.media,
    minute timestamptz NOT NULL,
    fidelity smallint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (user_id, connector, media_id, minute)
);
COMMENT ON TABLE mesh.plays IS
    'Plays by user, service, medium and minute, so that two histories that overlap, or one read twice, count each play once.';
COMMENT ON COLUMN mesh.plays.fidelity IS 'How good a history says so; where two cover the same time, the better one counts.';

CREATE TABLE mesh.favourites (
    user_id text NOT NULL,
    connector text NOT NULL,
    stream text NOT NULL,
    media_id bigint NOT NULL REFERENCES mesh.media,
    signal text NOT NULL CHECK (signal IN ('liked', 'rated', 'played', 'disliked')),
    at timestamptz,
    plays integer,
    ms_played bigint,
    PRIMARY KEY (user_id, connector, stream, media_id)
);
COMMENT ON TABLE mesh.favourites IS 'What each user thinks of which medium, by where we know it from.';

CREATE TABLE mesh.user_tastes (
    user_id text PRIMARY KEY,
    favourites_version bigint NOT NULL DEFAULT 0,
    built_version bigint NOT NULL DEFAULT 0,
    vector_version bigint NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ready', 'empty')),
    reason text,
    media integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE mesh.user_tastes IS 'How far a user''s taste vector is. Whoever changes the favourites or the vector locks this row.';
COMMENT ON COLUMN mesh.user_tastes.favourites_version IS 'Grows with each change of the user''s favourites.';
COMMENT ON COLUMN mesh.user_tastes.built_version IS 'The version of the favourites that the vector was pooled from.';
COMMENT ON COLUMN mesh.user_tastes.vector_version IS 'Grows with each change of the vector; part of every cache key.';
COMMENT ON COLUMN mesh.user_tastes.reason IS 'Why there is no vector.';

CREATE TABLE mesh.user_taste_vectors (
    user_id text NOT NULL REFERENCES mesh.user_tastes ON DELETE CASCADE,
    model smallint NOT NULL REFERENCES mesh.embedding_models,
    taste vector NOT NULL,
    PRIMARY KEY (user_id, model)
);
COMMENT ON TABLE mesh.user_taste_vectors IS 'One unit vector for each user and model.';

-- Every model has an index of its own; a query uses it when it names the model as a literal.
CREATE INDEX user_taste_vectors_1 ON mesh.user_taste_vectors
    USING hnsw ((taste::vector(256)) vector_cosine_ops) WITH (m = 24, ef_construction = 200)
    WHERE model = 1;

SELECT mesh.keep_private();
