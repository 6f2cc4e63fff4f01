-- What time does to the queue: due jobs become pending, the jobs of dead workers are rescued, partitions are made.

CREATE FUNCTION mesh.promote_jobs() RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    promoted bigint;
BEGIN
    UPDATE mesh.jobs j SET status = 'pending', seq = nextval('mesh.job_seq')
    WHERE j.ctid = ANY (ARRAY(SELECT due.ctid FROM mesh.jobs due
                              WHERE due.status = 'scheduled' AND due.run_at <= clock_timestamp()
                              ORDER BY due.run_at LIMIT 5000 FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS promoted = ROW_COUNT;
    RETURN promoted;
END $$;

CREATE FUNCTION mesh.rescue_lease(lost mesh.leases) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- The caller holds the lease's row. A rescue is no attempt, for the job may be innocent; after five it is buried.
AS $$
DECLARE
    rescued mesh.jobs[];
BEGIN
    SELECT coalesce(array_agg(changed), '{}') INTO rescued
    FROM unnest(lost.jobs) AS j, jsonb_populate_record(j, jsonb_build_object('rescues', j.rescues + 1)) AS changed
    WHERE NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = lost.token AND e.job_id = j.id);
    -- One job that is there already must not keep the others from being rescued.
    INSERT INTO mesh.jobs SELECT j.* FROM unnest(rescued) AS j WHERE j.rescues <= 5 ON CONFLICT (id) DO NOTHING;
    PERFORM mesh.bury_jobs(ARRAY(SELECT j FROM unnest(rescued) AS j WHERE j.rescues > 5), 'rescues', lost.claimed_at);
    DELETE FROM mesh.leases l WHERE l.token = lost.token;
    DELETE FROM mesh.lease_ends e WHERE e.token = lost.token;
    RETURN cardinality(rescued);
END $$;

CREATE FUNCTION mesh.rescue_jobs() RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    lost mesh.leases;
    rescued bigint := 0;
BEGIN
    DELETE FROM mesh.workers w WHERE w.id = ANY (ARRAY(
        SELECT expired.id FROM mesh.workers expired WHERE expired.expires_at < clock_timestamp() FOR UPDATE SKIP LOCKED));
    -- A lease that is locked is being completed at this moment.
    FOR lost IN
        SELECT l.* FROM mesh.leases l
        WHERE l.expires_at < clock_timestamp()
           OR (l.worker_id IS NOT NULL AND NOT EXISTS (SELECT FROM mesh.workers w WHERE w.id = l.worker_id))
        ORDER BY l.token FOR UPDATE SKIP LOCKED
    LOOP
        rescued := rescued + mesh.rescue_lease(lost);
    END LOOP;
    PERFORM mesh.close_lease(l.token) FROM mesh.leases l
    WHERE l.size = (SELECT count(*) FROM mesh.lease_ends e WHERE e.token = l.token);
    RETURN rescued;
END $$;

CREATE FUNCTION mesh.make_history_partitions(days integer DEFAULT 7) RETURNS void
LANGUAGE plpgsql SET search_path = '' SET lock_timeout = '500ms'
-- Attached rather than created in place: that takes no lock which waits for readers and writers of history.
AS $$
DECLARE
    day date;
    name text;
BEGIN
    FOR day IN SELECT generate_series(0, days) + (clock_timestamp() AT TIME ZONE 'UTC')::date LOOP
        name := 'history_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('mesh.' || name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE TABLE mesh.%I (LIKE mesh.history INCLUDING ALL)', name);
            EXECUTE format('ALTER TABLE mesh.history ATTACH PARTITION mesh.%I FOR VALUES FROM (%L) TO (%L)',
                           name, day || ' 00:00:00+00', (day + 1) || ' 00:00:00+00');
        EXCEPTION
            WHEN check_violation THEN NULL; -- nobody ticked for days, and this day's jobs went to the default partition
            WHEN lock_not_available THEN RETURN; -- somebody reads the default partition: there are days to try again
        END;
    END LOOP;
END $$;

SELECT mesh.make_history_partitions();

CREATE FUNCTION mesh.tick() RETURNS double precision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
-- Every worker calls it every second; what another transaction is promoting or rescuing is left to that one. Returns the
-- seconds until the next scheduled job is due: null when there is none.
AS $$
DECLARE
    changed bigint;
BEGIN
    changed := mesh.promote_jobs() + mesh.rescue_jobs();
    IF changed > 0 THEN
        PERFORM mesh.wake_workers();
    END IF;
    -- The lock lasts until the caller's transaction ends, so it is asked for only once a day.
    IF to_regclass('mesh.history_' || to_char((clock_timestamp() AT TIME ZONE 'UTC')::date + 1, 'YYYYMMDD')) IS NULL
       AND pg_try_advisory_xact_lock(hashtextextended('mesh.history', 0)) THEN
        PERFORM mesh.make_history_partitions();
    END IF;
    RETURN (SELECT extract(epoch FROM j.run_at - clock_timestamp()) FROM mesh.jobs j
            WHERE j.status = 'scheduled' ORDER BY j.run_at LIMIT 1);
END $$;

SELECT mesh.keep_private();
