-- What time does to the queue, in one call: workers make it every second, the process endpoint and callers over RPC who find
-- nothing make it too, so that it also happens where no worker runs.

CREATE FUNCTION mesh.do_chore(chore text, keep_history interval) RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- Returns how many jobs may run now that could not before. What another transaction is promoting, rescuing or admitting is
-- left to that one.
AS $$
BEGIN
    CASE chore
        WHEN 'promote' THEN RETURN mesh.promote_jobs();
        WHEN 'rescue' THEN RETURN mesh.rescue_jobs();
        WHEN 'gates' THEN RETURN mesh.admit_due_gates();
        WHEN 'idle_gates' THEN PERFORM mesh.drop_idle_gates() WHERE mesh.chore_is_due('idle_gates', '10 minutes');
        WHEN 'children' THEN RETURN mesh.repair_children() + mesh.settle_late_ends();
        WHEN 'cancellations' THEN RETURN mesh.repair_cancellations();
        WHEN 'schedules' THEN RETURN mesh.fire_schedules();
        WHEN 'fold' THEN
            -- The newest minute every second; what was committed later than that, every minute.
            PERFORM mesh.fold_moves(clock_timestamp() - interval '1 minute') WHERE mesh.chore_is_due('fold', '1 second');
        WHEN 'fold_all' THEN PERFORM mesh.fold_moves() WHERE mesh.chore_is_due('fold_all', '1 minute');
        WHEN 'partitions' THEN
            IF to_regclass('mesh.history_' || to_char((clock_timestamp() AT TIME ZONE 'UTC')::date + 1, 'YYYYMMDD')) IS NULL
               AND mesh.chore_is_due('partitions', '10 seconds') THEN
                PERFORM mesh.make_history_partitions();
            END IF;
        WHEN 'prune' THEN PERFORM mesh.prune(keep_history) WHERE mesh.chore_is_due('prune', '1 minute');
        -- Last, for it locks history until the transaction ends.
        WHEN 'history' THEN PERFORM mesh.drop_old_history(keep_history) WHERE mesh.chore_is_due('history', '1 minute');
    END CASE;
    RETURN 0;
END $$;

CREATE FUNCTION mesh.next_due() RETURNS double precision
LANGUAGE sql VOLATILE SET search_path = '' SET enable_seqscan = off SET enable_bitmapscan = off
-- The seconds until time next does something: a job is due, a schedule fires, a gate has a token. Null when nothing waits.
AS $$
    SELECT least(
        (SELECT extract(epoch FROM j.run_at - clock_timestamp()) FROM mesh.jobs j
         WHERE j.status = 'scheduled' ORDER BY j.run_at LIMIT 1),
        (SELECT extract(epoch FROM min(s.next_at) - clock_timestamp()) FROM mesh.schedules s WHERE NOT s.paused),
        mesh.next_gate_due())
$$;

DROP FUNCTION mesh.tick();
CREATE FUNCTION mesh.tick(keep_history interval DEFAULT '14 days') RETURNS double precision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
-- Returns the seconds until something is due. A part that fails is undone, written down in mesh.chores, and stops no other.
-- History is kept for a day at least, whatever somebody asks for; null is the default.
AS $$
DECLARE
    keep interval := greatest(coalesce(keep_history, '14 days'), '1 day');
    chore text;
    problem text;
    failed boolean := false;
    changed bigint := 0;
BEGIN
    FOREACH chore IN ARRAY ARRAY['promote', 'rescue', 'gates', 'children', 'cancellations', 'schedules', 'fold', 'fold_all',
                                 'idle_gates', 'partitions', 'prune', 'history'] LOOP
        problem := NULL;
        BEGIN
            changed := changed + coalesce(mesh.do_chore(chore, keep), 0);
        EXCEPTION WHEN OTHERS THEN
            problem := SQLERRM;
            failed := true;
            RAISE WARNING 'mesh.tick(), %: %', chore, problem;
        END;
        UPDATE mesh.chores c SET last_error = problem
        WHERE c.name = (SELECT told.name FROM mesh.chores told
                        WHERE told.name = chore AND told.last_error IS DISTINCT FROM problem FOR UPDATE SKIP LOCKED);
    END LOOP;
    IF changed > 0 THEN
        PERFORM mesh.wake_workers();
    END IF;
    RETURN CASE WHEN NOT failed THEN mesh.next_due() END; -- what fails is not tried again at once
END $$;

SELECT mesh.keep_private();

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT EXECUTE ON FUNCTION mesh.tick TO service_role;
    END IF;
END
$$;
