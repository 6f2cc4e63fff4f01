-- What a complete queue remembers beside its jobs: keys, gates, dependencies, cancellations, progress, counts, schedules.
-- Columns of mesh.jobs are added without a default: leases hold rows of that type.

CREATE FUNCTION mesh.lock_tables(tables text, mode text) RETURNS void
LANGUAGE plpgsql SET search_path = '' SET lock_timeout = '100ms'
-- For migrations, while workers work: these take locks on tables in more than one order. So locks that are not given soon are
-- given up and asked for anew, before anybody is found to wait in a ring, and nobody waits for long behind a slow reader.
AS $$
BEGIN
    LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %s IN %s MODE', tables, mode);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.1 + 0.2 * random());
        END;
    END LOOP;
END $$;

SELECT mesh.lock_tables('mesh.job_types, mesh.jobs, mesh.history, mesh.dead_jobs', 'ACCESS EXCLUSIVE');

ALTER TABLE mesh.jobs
    ADD COLUMN unique_key text,
    ADD COLUMN debounce_key text,
    ADD COLUMN gate text,
    ADD COLUMN blocked_by text CHECK (blocked_by IN ('parents', 'gate')),
    ADD COLUMN parents uuid[],
    ADD COLUMN after_any boolean,
    ADD COLUMN timeout_ms integer CHECK (timeout_ms > 0),
    ADD COLUMN traceparent text,
    ADD CONSTRAINT jobs_blocked_by_something CHECK ((status = 'blocked') = (blocked_by IS NOT NULL));
COMMENT ON COLUMN mesh.jobs.unique_key IS 'While mesh.job_keys has it, no other job of the type is enqueued under it.';
COMMENT ON COLUMN mesh.jobs.debounce_key IS 'At most one job of the type waits under it, and at most one runs.';
COMMENT ON COLUMN mesh.jobs.gate IS 'The row of mesh.gates that says when the job may run.';
COMMENT ON COLUMN mesh.jobs.parents IS 'The jobs that must have ended before this one may run.';
COMMENT ON COLUMN mesh.jobs.after_any IS 'It runs even if a parent dies or is cancelled.';
COMMENT ON COLUMN mesh.jobs.traceparent IS 'The W3C trace context of who enqueued it.';

-- Running jobs are not in this table, so a running job doesn't hold the key.
CREATE UNIQUE INDEX jobs_debounced ON mesh.jobs (job_type, debounce_key) WHERE debounce_key IS NOT NULL;
CREATE INDEX jobs_naming_gate ON mesh.jobs (gate) WHERE gate IS NOT NULL;
CREATE INDEX jobs_gated ON mesh.jobs (gate, priority DESC, seq) WHERE blocked_by = 'gate';

ALTER TABLE mesh.dead_jobs
    ADD COLUMN unique_key text,
    ADD COLUMN debounce_key text,
    ADD COLUMN gate text,
    ADD COLUMN parents uuid[],
    ADD COLUMN after_any boolean,
    ADD COLUMN timeout_ms integer,
    ADD COLUMN traceparent text;
CREATE INDEX dead_jobs_naming_gate ON mesh.dead_jobs (gate) WHERE gate IS NOT NULL;

ALTER TABLE mesh.history
    ADD COLUMN unique_key text,
    ADD COLUMN parents uuid[];

ALTER TABLE mesh.job_types
    ADD COLUMN secrets text[] NOT NULL DEFAULT '{}',
    ADD COLUMN payload_schema jsonb;
COMMENT ON COLUMN mesh.job_types.secrets IS 'The fields of the payload that never leave the database but to a handler; dots lead into objects.';

CREATE TABLE mesh.job_keys (
    job_type text NOT NULL,
    key text NOT NULL,
    job_id uuid NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (job_type, key)
);
CREATE INDEX job_keys_expiring ON mesh.job_keys (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE mesh.job_keys IS
    'Keys that are taken: until the job ends, or, with expires_at, until then whether or not the job has ended.';

CREATE TABLE mesh.gates (
    key text PRIMARY KEY,
    most_running integer CHECK (most_running > 0),
    admitted integer NOT NULL DEFAULT 0 CHECK (admitted >= 0),
    rate double precision CHECK (rate > 0),
    burst integer CHECK (burst > 0),
    tokens double precision,
    refilled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    made_by_job boolean NOT NULL DEFAULT false,
    CHECK ((rate IS NULL) = (burst IS NULL) AND (rate IS NULL) = (tokens IS NULL))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE mesh.gates IS
    'Limits on the jobs of one key: how many may run at a time (most_running), and how many may start per second (rate).';
COMMENT ON COLUMN mesh.gates.made_by_job IS 'A job brought its limits along: it goes when no job has named it for a day.';
COMMENT ON COLUMN mesh.gates.admitted IS 'Jobs of the key that are pending or running; never more than most_running.';

CREATE TABLE mesh.job_edges (
    parent_id uuid NOT NULL,
    child_id uuid NOT NULL,
    PRIMARY KEY (parent_id, child_id)
);
CREATE INDEX job_edges_child ON mesh.job_edges (child_id);
COMMENT ON TABLE mesh.job_edges IS 'Parents that have not ended yet, and the jobs that wait for them.';

CREATE TABLE mesh.cancellations (
    job_id uuid PRIMARY KEY,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE mesh.cancellations IS 'Running jobs that somebody wants to end; their workers ask for them.';

CREATE TABLE mesh.job_progress (
    job_id uuid PRIMARY KEY,
    fraction real CHECK (fraction BETWEEN 0 AND 1),
    note text,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
COMMENT ON TABLE mesh.job_progress IS 'What running jobs say of themselves.';

CREATE TABLE mesh.job_moves (
    job_type text NOT NULL,
    source text,
    target text NOT NULL,
    count bigint NOT NULL,
    total_ms bigint,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
COMMENT ON TABLE mesh.job_moves IS
    'One row for each statement, type and move of jobs from a state to a state (no source: enqueued), until tick folds it.';

CREATE TABLE mesh.job_counts (
    job_type text NOT NULL,
    state text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (job_type, state)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE mesh.job_counts IS
    'Folded moves: how many jobs are in each state, and, as "enqueued" and "purged", how many ever came and were deleted.';

CREATE TABLE mesh.job_minutes (
    minute timestamptz NOT NULL,
    job_type text NOT NULL,
    source text NOT NULL,
    target text NOT NULL,
    count bigint NOT NULL,
    total_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (minute, job_type, source, target)
) WITH (fillfactor = 50);
COMMENT ON TABLE mesh.job_minutes IS 'The same by minute, for rates and durations; source "" is enqueued.';

CREATE TABLE mesh.schedules (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    job_type text NOT NULL,
    cron text NOT NULL,
    timezone text NOT NULL DEFAULT 'UTC',
    payload jsonb NOT NULL DEFAULT '{}',
    payload_version integer NOT NULL DEFAULT 1,
    priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 10),
    max_attempts smallint NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
    source text NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    next_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE mesh.schedules IS 'Jobs that come again: tick enqueues one when next_at has come, and sets the next.';
COMMENT ON COLUMN mesh.schedules.source IS 'Who declared it: code, plugin:<name> or cli.';

CREATE TABLE mesh.schedule_runs (
    schedule text NOT NULL,
    fire_at timestamptz NOT NULL,
    job_id uuid NOT NULL,
    fired_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (schedule, fire_at)
);
COMMENT ON TABLE mesh.schedule_runs IS 'When schedules fired; the key makes each time fire once in a fleet.';

CREATE TABLE mesh.chores (
    name text PRIMARY KEY,
    done_at timestamptz NOT NULL DEFAULT '-infinity',
    last_error text
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE mesh.chores IS 'The parts of tick. Some are done by one tick of a fleet, and only now and then.';
COMMENT ON COLUMN mesh.chores.done_at IS 'When a part that is done now and then was last begun.';
COMMENT ON COLUMN mesh.chores.last_error IS 'Why it failed the last time; null when it did not.';

INSERT INTO mesh.chores (name)
VALUES ('promote'), ('rescue'), ('rescue_lease'), ('gates'), ('idle_gates'), ('children'), ('cancellations'), ('schedules'), ('fold'), ('fold_all'),
       ('partitions'), ('prune'), ('history');

SELECT mesh.keep_private();
