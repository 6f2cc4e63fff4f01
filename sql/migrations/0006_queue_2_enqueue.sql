-- Into the queue: plain jobs by the shortest way, others past their keys, parents and gates. Locks are taken in one order
-- (unique keys, then debounced jobs, each sorted), so that two batches never wait for each other in a ring; and neither
-- running jobs nor their leases are locked, so that a long transaction of an enqueuer never holds a worker up.

DROP FUNCTION mesh.register_job_types;

CREATE FUNCTION mesh.register_job_types(job_types text[], secrets jsonb DEFAULT NULL, schemas jsonb DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SET search_path = ''
-- `secrets` has a list of fields for a type, `schemas` the schema of its payload. A field that was secret once stays so, as
-- old payloads have it still.
AS $$
BEGIN
    -- The usual case writes nothing, and so waits for nobody.
    IF NOT EXISTS (SELECT FROM unnest(job_types) AS wanted (name) LEFT JOIN mesh.job_types t ON t.name = wanted.name
                   WHERE t.name IS NULL OR NOT to_jsonb(t.secrets) @> coalesce(register_job_types.secrets -> wanted.name, '[]')
                      OR t.payload_schema IS DISTINCT FROM coalesce(schemas -> wanted.name, t.payload_schema)) THEN
        RETURN;
    END IF;
    INSERT INTO mesh.job_types AS t (name, secrets, payload_schema)
    SELECT DISTINCT wanted.name, ARRAY(SELECT jsonb_array_elements_text(register_job_types.secrets -> wanted.name)),
           schemas -> wanted.name
    FROM unnest(job_types) AS wanted (name) ORDER BY wanted.name
    ON CONFLICT (name) DO UPDATE
    SET secrets = ARRAY(SELECT unnest(t.secrets) UNION SELECT unnest(excluded.secrets) ORDER BY 1),
        payload_schema = coalesce(excluded.payload_schema, t.payload_schema);
END $$;

CREATE FUNCTION mesh.take_key(wanted_type text, wanted_key text, new_id uuid, lasts interval) RETURNS uuid
LANGUAGE plpgsql SET search_path = ''
-- Whose the key is now: new_id's, or the job's that had it. Waits for whoever is taking or freeing it, and holds on to a
-- key only when it has become new_id's.
AS $$
DECLARE
    holder uuid;
    expired boolean;
BEGIN
    LOOP
        INSERT INTO mesh.job_keys (job_type, key, job_id, expires_at)
        VALUES (wanted_type, wanted_key, new_id, clock_timestamp() + lasts) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN new_id;
        END IF;
        SELECT k.job_id, coalesce(k.expires_at <= clock_timestamp(), false) INTO holder, expired
        FROM mesh.job_keys k WHERE k.job_type = wanted_type AND k.key = wanted_key;
        CONTINUE WHEN NOT FOUND; -- freed since
        IF NOT expired THEN
            RETURN holder;
        END IF;
        DELETE FROM mesh.job_keys k
        WHERE k.job_type = wanted_type AND k.key = wanted_key AND k.expires_at <= clock_timestamp();
    END LOOP;
END $$;

CREATE FUNCTION mesh.debounce_job(fresh mesh.jobs) RETURNS uuid
LANGUAGE sql SET search_path = ''
-- The job that waits under the key: this one, or the one that waited, which keeps its place and its time and takes over the
-- rest. Its row stays locked until the caller commits, so it runs after that; a job that runs already doesn't hold the key.
-- A new event is no retry: it gets all its attempts, and waits for no backoff.
AS $$
    INSERT INTO mesh.jobs AS waiting SELECT (fresh).*
    ON CONFLICT (job_type, debounce_key) WHERE debounce_key IS NOT NULL DO UPDATE
    SET payload = excluded.payload, payload_version = excluded.payload_version, user_id = excluded.user_id,
        traceparent = excluded.traceparent, timeout_ms = excluded.timeout_ms,
        attempts = 0, max_attempts = greatest(waiting.max_attempts, excluded.max_attempts),
        run_at = CASE WHEN waiting.attempts > 0 THEN least(waiting.run_at, excluded.run_at) ELSE waiting.run_at END,
        priority = greatest(waiting.priority, excluded.priority),
        -- In another lane the old place could be one that claims have passed.
        seq = CASE WHEN excluded.priority > waiting.priority THEN excluded.seq ELSE waiting.seq END
    RETURNING waiting.id
$$;

CREATE FUNCTION mesh.parent_states(wanted uuid[]) RETURNS TABLE (id uuid, state text)
LANGUAGE sql STABLE SET search_path = '' SET enable_seqscan = off
-- open: waits or runs; done: need not be waited for; lost: dead or cancelled; null: unknown. One statement, so that a job
-- on its way from one place to the next is not missed.
AS $$
    WITH asked AS MATERIALIZED (
        SELECT DISTINCT w.id FROM unnest(wanted) AS w (id)
    ), found AS MATERIALIZED (
        SELECT a.id, CASE
            WHEN EXISTS (SELECT FROM mesh.jobs j WHERE j.id = a.id) THEN 'open'
            WHEN EXISTS (SELECT FROM mesh.dead_jobs d WHERE d.id = a.id) THEN 'lost'
            ELSE (SELECT CASE h.status WHEN 'cancelled' THEN 'lost' ELSE 'done' END
                  FROM mesh.history h WHERE h.id = a.id LIMIT 1) END AS state
        FROM asked a
    ), running AS MATERIALIZED (
        SELECT j.id FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j
        WHERE EXISTS (SELECT FROM found f WHERE f.state IS NULL)
          AND j.id = ANY (ARRAY(SELECT f.id FROM found f WHERE f.state IS NULL))
          AND NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
    )
    SELECT f.id, CASE WHEN f.state IS NULL AND EXISTS (SELECT FROM running r WHERE r.id = f.id) THEN 'open' ELSE f.state END
    FROM found f
$$;

CREATE FUNCTION mesh.insert_child(fresh mesh.jobs) RETURNS text
LANGUAGE plpgsql SET search_path = ''
-- A job with parents; returns the state that it got. One whose parent is lost already is cancelled at once.
AS $$
DECLARE
    unknown text;
    open uuid[];
    lost boolean;
BEGIN
    SELECT string_agg(p.id::text, ', ') FILTER (WHERE p.state IS NULL), array_agg(p.id) FILTER (WHERE p.state = 'open'),
           coalesce(bool_or(p.state = 'lost'), false) AND fresh.after_any IS NOT TRUE
    INTO unknown, open, lost FROM mesh.parent_states(fresh.parents) AS p;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'unknown parent: %', unknown
            USING ERRCODE = 'PT404', HINT = 'after takes the ids of jobs that were enqueued before; history is kept for a time only.';
    ELSIF lost THEN
        INSERT INTO mesh.history (id, job_type, status, priority, payload, payload_version, user_id, attempts, rescues,
                                  created_at, unique_key, parents)
        VALUES (fresh.id, fresh.job_type, 'cancelled', fresh.priority, fresh.payload, fresh.payload_version, fresh.user_id,
                0, 0, fresh.created_at, fresh.unique_key, fresh.parents);
        DELETE FROM mesh.job_keys k WHERE k.job_type = fresh.job_type AND k.key = fresh.unique_key AND k.expires_at IS NULL;
        RETURN 'cancelled';
    ELSIF open IS NOT NULL THEN
        fresh.status := 'blocked';
        fresh.blocked_by := 'parents';
        INSERT INTO mesh.job_edges (parent_id, child_id) SELECT parent, fresh.id FROM unnest(open) AS parent;
    ELSE
        fresh := mesh.first_state(fresh);
    END IF;
    INSERT INTO mesh.jobs SELECT (fresh).*;
    RETURN fresh.status;
END $$;

CREATE TYPE mesh.new_job AS (job mesh.jobs, unique_for interval);
COMMENT ON TYPE mesh.new_job IS 'A job on its way in, and for how long its unique key is taken; null: while it lives.';

CREATE FUNCTION mesh.debounce_gate(job_type text, debounce_key text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = ''
-- The gate that lets one job of the key run at a time; it is made when it is first asked for.
AS $$ SELECT 'debounce:' || job_type || ':' || debounce_key $$;

CREATE FUNCTION mesh.check_new_jobs(wanted mesh.new_job[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = ''
AS $$
DECLARE
    wrong text;
BEGIN
    PERFORM mesh.check_job_types(ARRAY(SELECT DISTINCT (w.job).job_type FROM unnest(wanted) AS w));
    SELECT (w.job).job_type || ': ' || problem INTO wrong
    FROM unnest(wanted) WITH ORDINALITY AS w (job, unique_for, place) CROSS JOIN LATERAL (SELECT CASE
        WHEN jsonb_typeof((w.job).payload) IS DISTINCT FROM 'object' THEN 'the payload is no object'
        -- With what jsonb adds in spaces to JSON of that size.
        WHEN octet_length((w.job).payload::text) > 1500000 THEN 'the payload is larger than 1 MiB'
        WHEN (w.job).priority NOT BETWEEN 0 AND 10 THEN 'the priority is not between 0 and 10'
        WHEN (w.job).max_attempts < 1 THEN 'max_attempts is not positive'
        WHEN (w.job).timeout_ms < 1 THEN 'timeout_ms is not positive'
        WHEN (w.job).unique_key = '' OR (w.job).debounce_key = '' THEN 'a key is empty'
        -- A longer one that fits into one index need not fit into the next, and would then stop whoever moves the job.
        WHEN octet_length((w.job).unique_key) > 1000 OR octet_length((w.job).debounce_key) > 1000
            THEN 'a key is longer than 1000 bytes'
        WHEN w.unique_for IS NOT NULL AND (w.job).unique_key IS NULL THEN 'unique_for needs a unique_key'
        WHEN w.unique_for <= '0' THEN 'unique_for is not positive'
        WHEN (w.job).debounce_key IS NOT NULL
             AND num_nonnulls((w.job).unique_key, (w.job).parents, (w.job).gate) > 0
            THEN 'debounce_key goes with none of unique_key, gate and after'
        WHEN (w.job).gate IS NOT NULL AND NOT EXISTS (SELECT FROM mesh.gates g WHERE g.key = (w.job).gate)
            THEN format('the gate %L is not defined; SELECT mesh.define_gate(...) defines it', (w.job).gate)
        END) AS found (problem)
    WHERE problem IS NOT NULL ORDER BY w.place LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION '%', wrong USING ERRCODE = 'PT422';
    END IF;
END $$;

CREATE FUNCTION mesh.refuse_known_ids(ids uuid[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = '' SET enable_seqscan = off
-- Ids that callers chose, for jobs that run or have ended; those that wait are in the way by themselves. An id of version 7
-- and of this minute was made for this job, and nothing is looked up for it.
AS $$
DECLARE
    now_ms bigint := extract(epoch FROM clock_timestamp()) * 1000;
    chosen uuid[] := ARRAY(
        SELECT i.id FROM unnest(ids) AS i (id) CROSS JOIN LATERAL (SELECT replace(i.id::text, '-', '')) AS written (hex)
        WHERE substr(hex, 13, 1) <> '7' OR abs(('x' || left(hex, 12))::bit(48)::bigint - now_ms) > 60000);
    known uuid;
BEGIN
    IF chosen <> '{}' THEN
        SELECT c.id INTO known FROM unnest(chosen) AS c (id)
        WHERE EXISTS (SELECT FROM mesh.history h WHERE h.id = c.id) OR EXISTS (SELECT FROM mesh.dead_jobs d WHERE d.id = c.id)
           OR c.id IN (SELECT mesh.running_jobs(chosen)) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'the id % is that of a job that runs or has ended', known
                USING ERRCODE = 'PT409', HINT = 'Leave the id out; unique_key keeps a job from being enqueued twice.';
        END IF;
    END IF;
END $$;

CREATE FUNCTION mesh.first_state(job mesh.jobs) RETURNS mesh.jobs
LANGUAGE plpgsql SET search_path = ''
-- Where a job begins that waits for no parent. One with a gate is blocked until the gate admits it, as the caller commits.
AS $$
BEGIN
    job.gate := coalesce(job.gate, mesh.debounce_gate(job.job_type, job.debounce_key));
    job.status := CASE WHEN job.run_at > now() THEN 'scheduled' WHEN job.gate IS NULL THEN 'pending' ELSE 'blocked' END;
    job.blocked_by := CASE WHEN job.status = 'blocked' THEN 'gate' END;
    RETURN job;
END $$;

CREATE FUNCTION mesh.enqueue_jobs(wanted mesh.new_job[]) RETURNS TABLE (ordinal bigint, id uuid, inserted boolean)
LANGUAGE plpgsql SET search_path = ''
-- Jobs of every kind. A parent in the same batch stands before its children; where it turns out to be a duplicate, they wait
-- for the job that has the key.
AS $$
DECLARE
    own uuid[] := ARRAY(SELECT (w.job).id FROM unnest(wanted) AS w);
    ids uuid[] := own;
    plain mesh.jobs[];
    types text[] := '{}';
    states text[] := '{}';
    next record;
BEGIN
    PERFORM mesh.check_new_jobs(wanted);
    FOR next IN SELECT w.* FROM unnest(wanted) WITH ORDINALITY AS w (job, unique_for, place)
                WHERE (w.job).unique_key IS NOT NULL ORDER BY (w.job).job_type, (w.job).unique_key, w.place LOOP
        ids[next.place] := mesh.take_key((next.job).job_type, (next.job).unique_key, (next.job).id, next.unique_for);
    END LOOP;
    PERFORM mesh.refuse_known_ids(ARRAY(SELECT w.own FROM unnest(own, ids) AS w (own, taken) WHERE w.taken = w.own));
    PERFORM mesh.keep_gates(gates) FROM (SELECT array_agg((w.job).gate) FROM unnest(wanted) AS w) AS named (gates)
    WHERE array_remove(gates, NULL) <> '{}';
    FOR next IN SELECT mesh.first_state(w.job) AS job, w.place FROM unnest(wanted) WITH ORDINALITY AS w (job, unique_for, place)
                WHERE (w.job).debounce_key IS NOT NULL ORDER BY (w.job).job_type, (w.job).debounce_key, w.place LOOP
        ids[next.place] := mesh.debounce_job(next.job);
        IF ids[next.place] = own[next.place] THEN
            types := types || (next.job).job_type;
            states := states || (next.job).status;
        END IF;
    END LOOP;
    plain := ARRAY(SELECT mesh.first_state(w.job) FROM unnest(wanted) WITH ORDINALITY AS w (job, unique_for, place)
                   WHERE ids[w.place] = (w.job).id AND (w.job).debounce_key IS NULL AND (w.job).parents IS NULL
                   ORDER BY w.place);
    INSERT INTO mesh.jobs SELECT p.* FROM unnest(plain) AS p;
    FOR next IN SELECT w.* FROM unnest(wanted) WITH ORDINALITY AS w (job, unique_for, place)
                WHERE ids[w.place] = (w.job).id AND (w.job).parents IS NOT NULL ORDER BY w.place LOOP
        types := types || (next.job).job_type;
        states := states || mesh.insert_child(mesh.rename_parents(next.job, own, ids));
    END LOOP;
    PERFORM mesh.copied_jobs(array_agg(m.job_type), array_agg(m.state), array_agg(m.count)) FROM (
        SELECT placed.job_type, placed.state, count(*)
        FROM (SELECT p.job_type, p.status FROM unnest(plain) AS p UNION ALL SELECT * FROM unnest(types, states))
            AS placed (job_type, state)
        GROUP BY 1, 2 ORDER BY 1, 2) AS m;
    RETURN QUERY SELECT w.place, w.taken, w.taken = w.own FROM unnest(own, ids) WITH ORDINALITY AS w (own, taken, place);
END $$;

CREATE FUNCTION mesh.rename_parents(child mesh.jobs, own uuid[], ids uuid[]) RETURNS mesh.jobs
LANGUAGE plpgsql SET search_path = ''
AS $$
BEGIN
    IF own <> ids THEN
        child.parents := ARRAY(SELECT coalesce(known.id, parent.id)
                               FROM unnest(child.parents) WITH ORDINALITY AS parent (id, place)
                               LEFT JOIN unnest(own, ids) AS known (own, id) ON known.own = parent.id ORDER BY parent.place);
    END IF;
    RETURN child;
END $$;

CREATE FUNCTION mesh.copied_jobs(types text[], states text[], counts bigint[]) RETURNS void
LANGUAGE sql SET search_path = ''
-- What is said once for many jobs that are in the table already, whichever way they came there: they are counted, and
-- sleeping workers woken.
AS $$
    INSERT INTO mesh.job_moves (job_type, target, count) SELECT * FROM unnest(types, states, counts);
    SELECT mesh.wake_workers() WHERE 'pending' = ANY (states);
$$;

CREATE FUNCTION mesh.due_at(run_at timestamptz, delay interval) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = ''
AS $$
DECLARE
    due timestamptz := coalesce(run_at, now()) + coalesce(delay, '0');
BEGIN
    IF delay < '0' THEN
        RAISE EXCEPTION 'the delay is negative' USING ERRCODE = 'PT422';
    ELSIF NOT isfinite(due) THEN
        -- PostgreSQL before 17 cannot say how far away that is.
        RAISE EXCEPTION 'the time is infinite' USING ERRCODE = 'PT422';
    END IF;
    RETURN due;
END $$;

CREATE FUNCTION mesh.fresh_job(
    job_type text, payload jsonb, priority integer, run_at timestamptz, max_attempts integer, user_id text,
    payload_version integer, unique_key text, debounce_key text, gate text, after uuid[], after_any boolean,
    timeout_ms integer, traceparent text, id uuid
) RETURNS mesh.jobs
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    job mesh.jobs;
BEGIN
    job.id := coalesce(fresh_job.id, mesh.uuidv7());
    job.job_type := fresh_job.job_type;
    job.status := 'pending';
    job.priority := coalesce(fresh_job.priority, 0);
    job.seq := nextval('mesh.job_seq');
    job.run_at := fresh_job.run_at;
    job.payload := coalesce(fresh_job.payload, '{}');
    job.payload_version := coalesce(fresh_job.payload_version, 1);
    job.user_id := fresh_job.user_id;
    job.attempts := 0;
    job.max_attempts := coalesce(fresh_job.max_attempts, 3);
    job.rescues := 0;
    job.created_at := now();
    job.unique_key := fresh_job.unique_key;
    job.debounce_key := fresh_job.debounce_key;
    job.gate := fresh_job.gate;
    job.parents := nullif(fresh_job.after, '{}');
    job.after_any := fresh_job.after_any;
    job.timeout_ms := fresh_job.timeout_ms;
    job.traceparent := fresh_job.traceparent;
    RETURN job;
END $$;

CREATE FUNCTION mesh.enqueue_batch(jobs jsonb) RETURNS TABLE (ordinal bigint, id uuid, inserted boolean)
LANGUAGE sql SECURITY DEFINER SET search_path = ''
-- A list of objects with the arguments of mesh.enqueue; delay_s, unique_for_s are in seconds. `inserted` is false for a
-- duplicate, whose id is that of the job that was there.
AS $$
    SELECT * FROM mesh.enqueue_jobs(ARRAY(
        SELECT ROW(mesh.fresh_job(
                       j.job_type, j.payload, j.priority, mesh.due_at(j.run_at, make_interval(secs => j.delay_s)),
                       j.max_attempts, j.user_id, j.payload_version, j.unique_key, j.debounce_key, j.gate, j.after,
                       j.after_any, j.timeout_ms, j.traceparent, j.id),
                   make_interval(secs => j.unique_for_s))::mesh.new_job
        FROM ROWS FROM (jsonb_to_recordset(jobs) AS (
            job_type text, payload jsonb, priority integer, delay_s double precision, run_at timestamptz,
            max_attempts integer, user_id text, payload_version integer, unique_key text, unique_for_s double precision,
            debounce_key text, gate text, after uuid[], after_any boolean, timeout_ms integer, traceparent text, id uuid
        )) WITH ORDINALITY AS j ORDER BY j.ordinality))
$$;

CREATE FUNCTION mesh.enqueue_job(wanted mesh.new_job) RETURNS uuid
LANGUAGE sql SET search_path = ''
AS $$ SELECT e.id FROM mesh.enqueue_jobs(ARRAY[wanted]) AS e $$;

DROP FUNCTION mesh.enqueue;

CREATE FUNCTION mesh.enqueue(
    job_type text, payload jsonb DEFAULT '{}', priority integer DEFAULT 0, delay interval DEFAULT NULL,
    run_at timestamptz DEFAULT NULL, max_attempts integer DEFAULT 3, user_id text DEFAULT NULL,
    payload_version integer DEFAULT 1, unique_key text DEFAULT NULL, unique_for interval DEFAULT NULL,
    debounce_key text DEFAULT NULL, gate text DEFAULT NULL, after uuid[] DEFAULT NULL, after_any boolean DEFAULT NULL,
    timeout_ms integer DEFAULT NULL, traceparent text DEFAULT NULL, id uuid DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
-- Returns the id of the job; under a key that is taken, of the job that has it.
AS $$
DECLARE
    due timestamptz := coalesce(enqueue.run_at, now()) + coalesce(enqueue.delay, '0');
    state text := CASE WHEN due > now() THEN 'scheduled' ELSE 'pending' END;
    job_id uuid;
BEGIN
    IF num_nonnulls(enqueue.unique_key, enqueue.unique_for, enqueue.debounce_key, enqueue.gate, enqueue.after) > 0
       OR enqueue.delay < '0' OR NOT isfinite(due) OR enqueue.priority NOT BETWEEN 0 AND 10 OR enqueue.max_attempts < 1
       OR jsonb_typeof(enqueue.payload) <> 'object' OR pg_column_size(enqueue.payload) > 500000 OR enqueue.timeout_ms < 1
       OR num_nulls(enqueue.payload, enqueue.priority, enqueue.max_attempts) > 0 THEN
        RETURN mesh.enqueue_job(ROW(mesh.fresh_job(
            enqueue.job_type, enqueue.payload, enqueue.priority, mesh.due_at(enqueue.run_at, enqueue.delay),
            enqueue.max_attempts, enqueue.user_id, enqueue.payload_version, enqueue.unique_key, enqueue.debounce_key,
            enqueue.gate, enqueue.after, enqueue.after_any, enqueue.timeout_ms, enqueue.traceparent, enqueue.id),
            enqueue.unique_for));
    END IF;
    -- The shortest way: most jobs are plain, and what is done here is done for each of them.
    IF enqueue.id IS NOT NULL THEN
        PERFORM mesh.refuse_known_ids(ARRAY[enqueue.id]);
    END IF;
    PERFORM FROM mesh.job_types t WHERE t.name = enqueue.job_type;
    IF NOT FOUND THEN
        PERFORM mesh.check_job_types(ARRAY[enqueue.job_type]);
    END IF;
    INSERT INTO mesh.jobs (id, job_type, status, priority, run_at, payload, payload_version, user_id, max_attempts, timeout_ms,
                           traceparent)
    VALUES (coalesce(enqueue.id, mesh.uuidv7()), enqueue.job_type, state, enqueue.priority, due, enqueue.payload,
            enqueue.payload_version, enqueue.user_id, enqueue.max_attempts, enqueue.timeout_ms, enqueue.traceparent)
    RETURNING jobs.id INTO job_id;
    INSERT INTO mesh.job_moves (job_type, target, count) VALUES (enqueue.job_type, state, 1);
    IF state = 'pending' THEN
        -- As wake_workers().
        PERFORM pg_notify('mesh_jobs', '') FROM mesh.workers w WHERE w.idle LIMIT 1;
    END IF;
    RETURN job_id;
END $$;

CREATE FUNCTION mesh.admit_enqueued() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
-- Runs as the enqueuer commits, so that a long transaction keeps no gate locked; and waits for no gate, as the enqueuer may
-- hold locks that whoever has the gate waits for. Gates that are passed over are left to that one, or to tick.
AS $$
BEGIN
    IF mesh.admit_waiting(ARRAY[NEW.gate]) > 0 THEN
        PERFORM mesh.wake_workers();
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER admit_enqueued AFTER INSERT ON mesh.jobs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.blocked_by = 'gate') EXECUTE FUNCTION mesh.admit_enqueued();

SELECT mesh.keep_private();

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        REVOKE ALL ON FUNCTION mesh.enqueue, mesh.enqueue_batch FROM service_role;
        GRANT EXECUTE ON FUNCTION mesh.enqueue, mesh.enqueue_batch TO service_role;
    END IF;
END
$$;
