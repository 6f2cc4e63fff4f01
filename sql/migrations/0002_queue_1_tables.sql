-- The queue's tables. A job is in exactly one place: `jobs` while it waits, inside a row of `leases` while somebody runs it,
-- in `history` or `dead_jobs` when it has ended.

CREATE TABLE mesh.job_types (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    paused boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mesh.job_types IS 'What may be enqueued. Workers register the types of their handlers; a paused type is not claimed.';

INSERT INTO mesh.job_types (name)
VALUES ('process_image'), ('send_notification'), ('sync_like_count'), ('generate_thumbnail'), ('cleanup_expired'),
       ('recompute_rankings');

CREATE SEQUENCE mesh.job_seq;

CREATE TABLE mesh.jobs (
    id uuid PRIMARY KEY DEFAULT mesh.uuidv7(),
    job_type text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'scheduled', 'blocked')),
    priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 10),
    seq bigint NOT NULL DEFAULT nextval('mesh.job_seq'),
    run_at timestamptz NOT NULL DEFAULT now(),
    payload jsonb NOT NULL DEFAULT '{}',
    payload_version integer NOT NULL DEFAULT 1,
    user_id text,
    attempts smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
    rescues smallint NOT NULL DEFAULT 0,
    errors jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);
-- Not compressed, so that a claim knows how much memory a batch will take before it takes it.
ALTER TABLE mesh.jobs ALTER COLUMN payload SET STORAGE EXTERNAL, ALTER COLUMN errors SET STORAGE EXTERNAL;
-- Columns are only ever added without a default: leases hold rows of this type.
COMMENT ON TABLE mesh.jobs IS 'Jobs that wait. A claim deletes them from here.';
COMMENT ON COLUMN mesh.jobs.status IS 'pending: may run now; scheduled: from run_at on; blocked: when something else says so.';
COMMENT ON COLUMN mesh.jobs.seq IS 'The order of jobs that may run now, given when a job becomes pending.';
COMMENT ON COLUMN mesh.jobs.run_at IS 'Since when, or from when on, the job may run.';
COMMENT ON COLUMN mesh.jobs.attempts IS 'How many attempts have failed; an attempt that a dying worker took along is a rescue.';
COMMENT ON COLUMN mesh.jobs.errors IS 'One object for each failed attempt: attempt, at, error, traceback.';

-- Only jobs that may run now are in the index that claims read, and in the order in which they read it.
CREATE INDEX jobs_ready ON mesh.jobs (job_type, priority, seq) WHERE status = 'pending';
CREATE INDEX jobs_due ON mesh.jobs (run_at) WHERE status = 'scheduled';

CREATE TABLE mesh.workers (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    types text[] NOT NULL,
    idle boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE mesh.workers IS 'One row for each living worker process. Whose row has expired is dead, and its jobs are rescued.';
COMMENT ON COLUMN mesh.workers.idle IS 'The worker sleeps: enqueue wakes it. Nobody is notified while every worker is busy.';

CREATE SEQUENCE mesh.lease_token;

CREATE TABLE mesh.leases (
    token bigint PRIMARY KEY DEFAULT nextval('mesh.lease_token'),
    worker_id uuid,
    owner text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    size integer NOT NULL,
    jobs mesh.jobs[] NOT NULL,
    CHECK ((worker_id IS NULL) = (expires_at IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
-- Compressing what is deleted within the second is wasted work.
ALTER TABLE mesh.leases ALTER COLUMN jobs SET STORAGE EXTERNAL;
COMMENT ON TABLE mesh.leases IS
    'A batch of claimed jobs. A token grows with each claim; who holds a token that is no longer here has lost its jobs.';
COMMENT ON COLUMN mesh.leases.expires_at IS 'Of a claim over RPC; a worker''s leases live as long as its row in workers.';

CREATE TABLE mesh.lease_ends (
    token bigint NOT NULL,
    job_id uuid NOT NULL,
    PRIMARY KEY (token, job_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE mesh.lease_ends IS
    'The jobs of a lease that have left it, until all have and the lease goes. The key makes each job leave once.';

CREATE TABLE mesh.history (
    id uuid NOT NULL,
    job_type text NOT NULL,
    status text NOT NULL CHECK (status IN ('completed', 'cancelled', 'superseded')),
    priority smallint NOT NULL,
    payload jsonb NOT NULL,
    payload_version integer NOT NULL,
    user_id text,
    attempts smallint NOT NULL,
    rescues smallint NOT NULL,
    errors jsonb,
    result jsonb,
    token bigint,
    duration_ms integer,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz NOT NULL DEFAULT clock_timestamp()
) PARTITION BY RANGE (completed_at);
CREATE INDEX history_id ON mesh.history (id);
CREATE TABLE mesh.history_default PARTITION OF mesh.history DEFAULT;
COMMENT ON TABLE mesh.history IS 'Jobs that have ended, a partition for each day (UTC).';

CREATE TABLE mesh.dead_jobs (
    id uuid PRIMARY KEY,
    job_type text NOT NULL,
    reason text NOT NULL CHECK (reason IN ('exhausted', 'permanent', 'unreadable', 'rescues')),
    priority smallint NOT NULL,
    payload jsonb NOT NULL,
    payload_version integer NOT NULL,
    user_id text,
    attempts smallint NOT NULL,
    max_attempts smallint NOT NULL,
    rescues smallint NOT NULL,
    errors jsonb,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    died_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX dead_jobs_type ON mesh.dead_jobs (job_type, died_at);
COMMENT ON TABLE mesh.dead_jobs IS 'Dead letters: jobs that will not run again by themselves. Kept until somebody decides.';

SELECT mesh.keep_private();
