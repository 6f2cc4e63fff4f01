-- What users give us: raw files as they came, the syncs that read them, and the rows of a sync before it is applied.

CREATE TABLE mesh.raw_files (
    id uuid PRIMARY KEY DEFAULT mesh.uuidv7(),
    user_id text NOT NULL,
    connector text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    storage_key text NOT NULL,
    name text NOT NULL,
    size bigint NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, connector, sha256)
);
COMMENT ON TABLE mesh.raw_files IS 'Exports as they came, in object storage. The same file of a user and connector is stored once.';

CREATE TABLE mesh.syncs (
    id uuid PRIMARY KEY DEFAULT mesh.uuidv7(),
    user_id text NOT NULL,
    connector text NOT NULL,
    raw_file uuid NOT NULL REFERENCES mesh.raw_files,
    state text NOT NULL DEFAULT 'stored' CHECK (state IN ('stored', 'staged', 'applied')),
    job_id uuid,
    records bigint,
    kept bigint,
    skipped jsonb,
    favourites_version bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX syncs_user ON mesh.syncs (user_id, connector, id);
CREATE INDEX syncs_raw_file ON mesh.syncs (raw_file);
COMMENT ON TABLE mesh.syncs IS 'One reading of an export. It changes nothing of the user until it is applied, in one transaction.';
COMMENT ON COLUMN mesh.syncs.job_id IS 'The job that carries it on at present. When that is a dead letter, the sync has failed.';
COMMENT ON COLUMN mesh.syncs.favourites_version IS 'The version of the user''s favourites that it made; see mesh.user_tastes.';

CREATE TABLE mesh.staged_items (
    sync_id uuid NOT NULL REFERENCES mesh.syncs ON DELETE CASCADE,
    kind text NOT NULL,
    stream text NOT NULL,
    signal text NOT NULL CHECK (signal IN ('liked', 'rated', 'played', 'disliked')),
    fidelity smallint NOT NULL,
    schemes text[] NOT NULL,
    ids text[] NOT NULL CHECK (cardinality(ids) = cardinality(schemes)),
    title text NOT NULL,
    creator text NOT NULL,
    album text NOT NULL,
    genre text NOT NULL,
    title_key text NOT NULL,
    creator_key text NOT NULL,
    at timestamptz,
    ms_played bigint
);
CREATE INDEX staged_items_sync ON mesh.staged_items (sync_id);
COMMENT ON TABLE mesh.staged_items IS
    'Items of a sync that is not applied yet; those of a failed one stay for inspection. No names, addresses or devices.';

INSERT INTO mesh.job_types (name)
VALUES ('ingest_export'), ('resolve_media'), ('build_taste_vector')
ON CONFLICT (name) DO NOTHING;

SELECT mesh.keep_private();
