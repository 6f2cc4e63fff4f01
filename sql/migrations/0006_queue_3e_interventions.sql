-- What people and handlers say of single jobs: cancel, retry, redrive, purge, progress, and the question what became of one.

CREATE FUNCTION mesh.running_jobs(ids uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = ''
AS $$
    SELECT j.id FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j
    WHERE j.id = ANY (ids) AND NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
$$;

CREATE FUNCTION mesh.cancel_waiting(ids uuid[]) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = ''
-- Those that wait have ended when this returns, and so have the jobs that depend on them. Returns those of `ids`.
AS $$
DECLARE
    gone mesh.jobs[];
    gone_ids uuid[];
BEGIN
    PERFORM mesh.lock_line(ids);
    WITH taken AS (DELETE FROM mesh.jobs j WHERE j.id = ANY (ids) RETURNING j)
    SELECT array_agg(t.j), array_agg((t.j).id) INTO gone, gone_ids FROM taken t;
    IF gone IS NOT NULL THEN
        PERFORM mesh.record_ends(gone, 'cancelled');
        PERFORM mesh.end_jobs(gone, gone_ids, mesh.slots(gone));
    END IF;
    RETURN coalesce(gone_ids, '{}');
END $$;

CREATE FUNCTION mesh.cancel_jobs(ids uuid[]) RETURNS TABLE (id uuid, outcome text)
LANGUAGE plpgsql SET search_path = ''
-- cancelled: it waited; requested: it runs, and its worker is asked to stop it; ended: before this; unknown. A job that is
-- just moving is asked for too: it ends when it arrives.
AS $$
DECLARE
    waited uuid[] := mesh.cancel_waiting(cancel_jobs.ids);
    told record;
    requested uuid[] := '{}';
BEGIN
    FOR told IN
        WITH rest AS MATERIALIZED (SELECT DISTINCT i.id FROM unnest(ids) AS i (id) WHERE i.id IS NOT NULL),
             running AS MATERIALIZED (SELECT r.id FROM mesh.running_jobs(ids) AS r (id))
        SELECT r.id, CASE
            WHEN r.id = ANY (waited) THEN 'cancelled'
            WHEN r.id IN (SELECT u.id FROM running u) OR EXISTS (SELECT FROM mesh.jobs j WHERE j.id = r.id) THEN 'requested'
            WHEN EXISTS (SELECT FROM mesh.history h WHERE h.id = r.id)
              OR EXISTS (SELECT FROM mesh.dead_jobs d WHERE d.id = r.id) THEN 'ended'
            ELSE 'unknown' END AS outcome
        FROM rest r ORDER BY r.id
    LOOP
        requested := requested || CASE WHEN told.outcome = 'requested' THEN ARRAY[told.id] ELSE '{}' END;
        id := told.id;
        outcome := told.outcome;
        RETURN NEXT;
    END LOOP;
    IF requested <> '{}' THEN
        INSERT INTO mesh.cancellations (job_id) SELECT unnest(requested) ON CONFLICT DO NOTHING;
        PERFORM pg_notify('mesh_control', '');
    END IF;
END $$;

CREATE FUNCTION mesh.repair_cancellations() RETURNS bigint
LANGUAGE plpgsql SET search_path = '' SET lock_timeout = '200ms'
-- For tick: requests that met a job on its way. One that waits again is cancelled; one that has ended is forgotten.
AS $$
DECLARE
    asked uuid[] := ARRAY(SELECT c.job_id FROM mesh.cancellations c
                          WHERE c.requested_at < clock_timestamp() - interval '1 second'
                          ORDER BY c.job_id LIMIT 1000 FOR UPDATE SKIP LOCKED);
BEGIN
    IF asked = '{}' THEN
        RETURN 0;
    END IF;
    DELETE FROM mesh.cancellations c WHERE c.job_id = ANY (asked) AND c.job_id NOT IN (SELECT mesh.running_jobs(asked))
        AND NOT EXISTS (SELECT FROM mesh.jobs j WHERE j.id = c.job_id);
    RETURN cardinality(mesh.cancel_waiting(asked));
EXCEPTION WHEN lock_not_available THEN
    RETURN 0;
END $$;

CREATE FUNCTION mesh.retry_jobs(ids uuid[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- Scheduled jobs, such as those that back off, may run now. Returns how many those were.
AS $$
DECLARE
    due tid[];
    ready record;
BEGIN
    -- In the order of lock_line().
    PERFORM FROM mesh.jobs j WHERE j.id = ANY (ids)
    ORDER BY CASE WHEN j.debounce_key IS NOT NULL THEN j.job_type END, j.debounce_key, j.id FOR UPDATE;
    WITH hurried AS (
        UPDATE mesh.jobs j SET run_at = clock_timestamp() WHERE j.id = ANY (ids) AND j.status = 'scheduled' RETURNING j.ctid
    )
    SELECT array_agg(h.ctid) INTO due FROM hurried h;
    SELECT * INTO ready FROM mesh.make_ready(due, 'scheduled');
    PERFORM mesh.admit_waiting(ready.keys) WHERE ready.keys <> '{}';
    PERFORM mesh.wake_workers();
    RETURN ready.changed;
END $$;

CREATE FUNCTION mesh.redrive_jobs(ids uuid[]) RETURNS TABLE (id uuid, outcome text)
LANGUAGE plpgsql SET search_path = ''
-- Dead letters become jobs again, with new attempts and the errors of the old ones. redriven; key_taken: another job has its
-- unique or debounce key, and the letter stays; unknown.
AS $$
DECLARE
    letter mesh.dead_jobs;
    job mesh.jobs;
    known uuid[] := '{}';
BEGIN
    -- In the order in which enqueuers take keys.
    FOR letter IN SELECT d.* FROM mesh.dead_jobs d WHERE d.id = ANY (ids)
                  ORDER BY d.job_type, d.unique_key, d.debounce_key, d.id FOR UPDATE LOOP
        known := known || letter.id;
        id := letter.id;
        outcome := 'key_taken';
        IF letter.unique_key IS NULL
           OR mesh.take_key(letter.job_type, letter.unique_key, letter.id, NULL) = letter.id THEN
            job := jsonb_populate_record(NULL::mesh.jobs, to_jsonb(letter) || jsonb_build_object(
                'attempts', 0, 'rescues', 0, 'run_at', now(), 'seq', nextval('mesh.job_seq')));
            job := mesh.first_state(job);
            INSERT INTO mesh.jobs SELECT (job).* ON CONFLICT DO NOTHING;
            IF FOUND THEN
                outcome := 'redriven';
                DELETE FROM mesh.dead_jobs d WHERE d.id = letter.id;
                PERFORM mesh.moved(letter.job_type, 'dead', job.status, 1);
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
    PERFORM mesh.wake_workers();
    RETURN QUERY SELECT DISTINCT i.id, 'unknown' FROM unnest(ids) AS i (id) WHERE i.id <> ALL (known);
END $$;

CREATE FUNCTION mesh.purge_dead(ids uuid[]) RETURNS bigint
LANGUAGE sql SET search_path = ''
AS $$
    WITH purged AS (
        DELETE FROM mesh.dead_jobs d WHERE d.id = ANY (ids) RETURNING d.job_type
    ), moves AS (
        INSERT INTO mesh.job_moves (job_type, source, target, count)
        SELECT p.job_type, 'dead', 'purged', count(*) FROM purged p GROUP BY 1 RETURNING count
    )
    SELECT coalesce(sum(m.count), 0)::bigint FROM moves m
$$;

CREATE FUNCTION mesh.set_progress(job_id uuid, lease_token bigint, fraction real, note text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SET search_path = ''
-- False if the job is no longer held under the token. The lock keeps the lease until this commits.
AS $$
BEGIN
    PERFORM FROM mesh.leases l
    WHERE l.token = set_progress.lease_token AND set_progress.job_id IN (SELECT j.id FROM unnest(l.jobs) AS j)
      AND NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = set_progress.job_id)
    FOR KEY SHARE;
    IF FOUND THEN
        INSERT INTO mesh.job_progress AS p (job_id, fraction, note)
        VALUES (set_progress.job_id, set_progress.fraction, set_progress.note)
        ON CONFLICT ON CONSTRAINT job_progress_pkey DO UPDATE
        SET fraction = excluded.fraction, note = excluded.note, updated_at = clock_timestamp();
    END IF;
    RETURN FOUND;
END $$;

CREATE FUNCTION mesh.job_state(id uuid) RETURNS TABLE (
    id uuid, job_type text, state text, priority smallint, payload jsonb, payload_version integer, user_id text,
    attempts smallint, max_attempts smallint, rescues smallint, errors jsonb, result jsonb, reason text, blocked_by text,
    unique_key text, debounce_key text, gate text, parents uuid[], waits_for uuid[], after_any boolean, timeout_ms integer,
    traceparent text, created_at timestamptz, run_at timestamptz, started_at timestamptz, ended_at timestamptz,
    duration_ms integer, lease_token bigint, owner text, progress real, note text, cancel_requested boolean
)
LANGUAGE sql STABLE SET search_path = ''
-- Everything that is known of a job, wherever it is; no row when it is unknown.
AS $$
    SELECT k.id, k.job_type, k.state, k.priority, k.payload, k.payload_version, k.user_id, k.attempts, k.max_attempts, k.rescues,
           k.errors, k.result, k.reason, k.blocked_by, k.unique_key, k.debounce_key, k.gate, k.parents,
           ARRAY(SELECT e.parent_id FROM mesh.job_edges e WHERE e.child_id = k.id ORDER BY 1), k.after_any, k.timeout_ms,
           k.traceparent, k.created_at, k.run_at, k.started_at, k.ended_at, k.duration_ms, k.lease_token, k.owner, p.fraction,
           p.note, EXISTS (SELECT FROM mesh.cancellations c WHERE c.job_id = k.id)
    FROM (
        SELECT j.id, j.job_type, j.status AS state, j.priority, j.payload, j.payload_version, j.user_id, j.attempts,
               j.max_attempts, j.rescues, j.errors, NULL::jsonb AS result, NULL AS reason, j.blocked_by, j.unique_key,
               j.debounce_key, j.gate, j.parents, j.after_any, j.timeout_ms, j.traceparent, j.created_at, j.run_at,
               NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at, NULL::integer AS duration_ms,
               NULL::bigint AS lease_token, NULL AS owner
        FROM mesh.jobs j WHERE j.id = job_state.id
        UNION ALL
        SELECT d.id, d.job_type, 'dead', d.priority, d.payload, d.payload_version, d.user_id, d.attempts, d.max_attempts,
               d.rescues, d.errors, NULL, d.reason, NULL, d.unique_key, d.debounce_key, d.gate, d.parents, d.after_any,
               d.timeout_ms, d.traceparent, d.created_at, NULL, d.started_at, d.died_at,
               (extract(epoch FROM d.died_at - d.started_at) * 1000)::integer, NULL, NULL
        FROM mesh.dead_jobs d WHERE d.id = job_state.id
        UNION ALL
        (SELECT h.id, h.job_type, h.status, h.priority, h.payload, h.payload_version, h.user_id, h.attempts, NULL, h.rescues,
               h.errors, h.result, NULL, NULL, h.unique_key, NULL, NULL, h.parents, NULL, NULL, NULL, h.created_at, NULL,
               h.started_at, h.completed_at, h.duration_ms, h.token, NULL
         FROM mesh.history h WHERE h.id = job_state.id ORDER BY h.completed_at DESC LIMIT 1)
        UNION ALL
        SELECT j.id, j.job_type, 'running', j.priority, j.payload, j.payload_version, j.user_id, j.attempts, j.max_attempts,
               j.rescues, j.errors, NULL, NULL, NULL, j.unique_key, j.debounce_key, j.gate, j.parents, j.after_any,
               j.timeout_ms, j.traceparent, j.created_at, j.run_at, l.claimed_at, NULL, NULL, l.token, l.owner
        FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j
        WHERE j.id = job_state.id AND NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
    ) AS k
    LEFT JOIN mesh.job_progress p ON p.job_id = k.id
    LIMIT 1
$$;

SELECT mesh.keep_private();
