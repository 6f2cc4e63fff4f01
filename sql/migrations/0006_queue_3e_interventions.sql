-- What people and handlers say of single jobs: cancel, retry, redrive, purge, progress.

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
                INSERT INTO mesh.job_moves (job_type, source, target, count)
                VALUES (letter.job_type, 'dead', job.status, 1);
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

SELECT mesh.keep_private();
