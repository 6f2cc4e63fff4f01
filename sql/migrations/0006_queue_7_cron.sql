-- Jobs that come again: cron expressions, read by the database, and the schedules that have them.

CREATE FUNCTION mesh.refuse_cron(message text) RETURNS void
LANGUAGE plpgsql SET search_path = ''
AS $$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = 'PT422',
        HINT = 'Five fields: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly.';
END $$;

CREATE FUNCTION mesh.cron_number(value text, field text, low integer, high integer, names text[]) RETURNS integer
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    number integer := CASE WHEN value ~ '^\d{1,4}$' THEN value::integer ELSE array_position(names, value) + low - 1 END;
BEGIN
    IF number IS NULL OR number NOT BETWEEN low AND high THEN
        PERFORM mesh.refuse_cron(format('cron: %s: %L is not between %s and %s', field, lower(value), low, high));
    END IF;
    RETURN number;
END $$;

CREATE FUNCTION mesh.cron_field(expression text, field text, low integer, high integer, names text[] DEFAULT '{}')
RETURNS integer[]
LANGUAGE plpgsql SET search_path = ''
-- The numbers that a field means: a list of *, n, a-b, each with or without /step; n/step runs to the end.
AS $$
DECLARE
    term text;
    parts text[];
    first integer;
    last integer;
    step integer;
    numbers integer[] := '{}';
BEGIN
    FOREACH term IN ARRAY string_to_array(expression, ',') LOOP
        parts := regexp_match(term, '^(?:(\*)|([A-Z0-9]+)(?:-([A-Z0-9]+))?)(?:/(\d{1,4}))?$');
        step := coalesce(parts[4]::integer, 1);
        IF parts IS NULL OR step = 0 THEN
            PERFORM mesh.refuse_cron(format('cron: %s: %L cannot be read', field, lower(term)));
        END IF;
        first := CASE WHEN parts[1] IS NULL THEN mesh.cron_number(parts[2], field, low, high, names) ELSE low END;
        last := CASE WHEN parts[3] IS NOT NULL THEN mesh.cron_number(parts[3], field, low, high, names)
                     WHEN parts[1] IS NULL AND parts[4] IS NULL THEN first ELSE high END;
        IF last < first THEN
            PERFORM mesh.refuse_cron(format('cron: %s: the range %L ends before it begins', field, lower(term)));
        END IF;
        numbers := numbers || ARRAY(SELECT generate_series(first, last, step));
    END LOOP;
    RETURN ARRAY(SELECT DISTINCT n FROM unnest(numbers) AS n ORDER BY n);
END $$;

CREATE FUNCTION mesh.local_instant(wall timestamp, timezone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = ''
-- When the clock on the wall shows this: the first time if it does so twice, and the end of the gap if it never does.
AS $$
DECLARE
    instant timestamptz;
    earlier timestamptz;
BEGIN
    LOOP
        instant := wall AT TIME ZONE timezone;
        EXIT WHEN instant AT TIME ZONE timezone = wall;
        wall := wall + interval '1 minute';
    END LOOP;
    -- The same wall clock by the offset of the day before.
    earlier := instant - ((instant - interval '1 day') AT TIME ZONE timezone - (wall - interval '1 day'));
    RETURN CASE WHEN earlier < instant AND earlier AT TIME ZONE timezone = wall THEN earlier ELSE instant END;
END $$;

CREATE FUNCTION mesh.cron_fields(expression text) RETURNS text[]
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    fields text[] := regexp_split_to_array(upper(btrim(expression)), '\s+');
BEGIN
    fields := CASE fields WHEN '{@YEARLY}' THEN '{0,0,1,1,*}' WHEN '{@ANNUALLY}' THEN '{0,0,1,1,*}'
                          WHEN '{@MONTHLY}' THEN '{0,0,1,*,*}' WHEN '{@WEEKLY}' THEN '{0,0,*,*,0}'
                          WHEN '{@DAILY}' THEN '{0,0,*,*,*}' WHEN '{@MIDNIGHT}' THEN '{0,0,*,*,*}'
                          WHEN '{@HOURLY}' THEN '{0,*,*,*,*}' ELSE fields END;
    IF cardinality(fields) <> 5 THEN
        PERFORM mesh.refuse_cron(format('cron: %L has not five fields', expression));
    END IF;
    RETURN fields;
END $$;

CREATE FUNCTION mesh.cron_in_day(day date, hours integer[], minutes integer[], every_showing boolean, timezone text,
                                 after timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = ''
-- The day's first such time later than `after`; null when there is none.
AS $$
DECLARE
    moment timestamptz;
    wall timestamp;
BEGIN
    IF NOT every_showing THEN
        RETURN (SELECT min(mesh.local_instant(day + make_interval(hours => h, mins => m), timezone))
                FROM unnest(hours) AS h, unnest(minutes) AS m
                WHERE day + make_interval(hours => h, mins => m) > after AT TIME ZONE timezone
                  AND mesh.local_instant(day + make_interval(hours => h, mins => m), timezone) > after);
    END IF;
    moment := greatest(mesh.local_instant(day, timezone), date_trunc('minute', after) + interval '1 minute');
    LOOP
        wall := moment AT TIME ZONE timezone;
        IF wall::date > day THEN
            RETURN NULL;
        ELSIF wall::date < day OR NOT extract(hour FROM wall) = ANY (hours) THEN
            moment := moment + make_interval(mins => 60 - extract(minute FROM wall)::integer);
        ELSIF NOT extract(minute FROM wall) = ANY (minutes) THEN
            moment := moment + interval '1 minute';
        ELSE
            RETURN moment;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION mesh.local_time(moment timestamptz, timezone text) RETURNS timestamp
LANGUAGE plpgsql STABLE SET search_path = ''
AS $$
BEGIN
    RETURN moment AT TIME ZONE timezone;
EXCEPTION WHEN invalid_parameter_value THEN
    RAISE EXCEPTION 'cron: the time zone % is not known', quote_literal(timezone)
        USING ERRCODE = 'PT422', HINT = 'Use a name such as Europe/Berlin or UTC.';
END $$;

CREATE FUNCTION mesh.cron_next(expression text, timezone text, after timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = ''
-- The first minute after `after` that the expression names, by the clock of the time zone. As Debian's cron: a time that the
-- clock skips comes at the end of the gap, and one that it shows twice comes the first time; but if the minute or the hour
-- begins with *, every minute that the clock shows counts. If the day of the month or the day of the week begins with *,
-- both must fit, else one of them.
AS $$
DECLARE
    fields text[] := mesh.cron_fields(expression);
    minutes integer[] := mesh.cron_field(fields[1], 'minute', 0, 59);
    hours integer[] := mesh.cron_field(fields[2], 'hour', 0, 23);
    days integer[] := mesh.cron_field(fields[3], 'day of month', 1, 31);
    months integer[] := mesh.cron_field(fields[4], 'month', 1, 12, '{JAN,FEB,MAR,APR,MAY,JUN,JUL,AUG,SEP,OCT,NOV,DEC}');
    weekdays integer[] := mesh.cron_field(fields[5], 'day of week', 0, 7, '{SUN,MON,TUE,WED,THU,FRI,SAT}');
    every_showing boolean := fields[1] LIKE '*%' OR fields[2] LIKE '*%';
    both_days boolean := fields[3] LIKE '*%' OR fields[5] LIKE '*%';
    first date := mesh.local_time(after, timezone)::date;
    day date := first;
    by_month boolean;
    by_week boolean;
    moment timestamptz;
BEGIN
    WHILE day < first + interval '50 years' LOOP
        IF NOT extract(month FROM day) = ANY (months) THEN
            day := date_trunc('month', day) + interval '1 month';
            CONTINUE;
        END IF;
        by_month := extract(day FROM day) = ANY (days);
        by_week := extract(dow FROM day) = ANY (weekdays) OR extract(isodow FROM day) = ANY (weekdays);
        IF by_month AND by_week OR NOT both_days AND (by_month OR by_week) THEN
            moment := mesh.cron_in_day(day, hours, minutes, every_showing, timezone, after);
            IF moment IS NOT NULL THEN
                RETURN moment;
            END IF;
        END IF;
        day := day + 1;
    END LOOP;
    PERFORM mesh.refuse_cron(format('cron: %L never comes', expression));
END $$;

ALTER TABLE mesh.schedules ADD COLUMN last_error text;
COMMENT ON COLUMN mesh.schedules.last_error IS 'Why its last firing enqueued nothing; null when it did.';

CREATE FUNCTION mesh.set_schedule(name text, job_type text, cron text, timezone text DEFAULT 'UTC',
                                  payload jsonb DEFAULT '{}', payload_version integer DEFAULT 1, priority integer DEFAULT 0,
                                  max_attempts integer DEFAULT 3, source text DEFAULT 'code') RETURNS timestamptz
LANGUAGE plpgsql SET search_path = ''
-- Makes or changes a schedule of one source; returns when it fires next. One that stays as it is keeps what it has missed.
AS $$
DECLARE
    first timestamptz := mesh.cron_next(set_schedule.cron, set_schedule.timezone, clock_timestamp());
    upcoming timestamptz;
BEGIN
    IF coalesce(set_schedule.name, '') !~ '^[a-z][a-z0-9_]{0,62}$' THEN
        RAISE EXCEPTION 'its name is not in snake_case: %', quote_nullable(set_schedule.name)
            USING ERRCODE = 'PT422', HINT = 'Write it like nightly_cleanup, with at most 63 letters.';
    END IF;
    PERFORM mesh.check_job_types(ARRAY[set_schedule.job_type]);
    INSERT INTO mesh.schedules AS s (name, job_type, cron, timezone, payload, payload_version, priority, max_attempts, source,
                                     next_at)
    VALUES (set_schedule.name, set_schedule.job_type, set_schedule.cron, set_schedule.timezone, set_schedule.payload,
            set_schedule.payload_version, set_schedule.priority, set_schedule.max_attempts, set_schedule.source, first)
    ON CONFLICT ON CONSTRAINT schedules_pkey DO UPDATE
    SET job_type = excluded.job_type, cron = excluded.cron, timezone = excluded.timezone, payload = excluded.payload,
        payload_version = excluded.payload_version, priority = excluded.priority, max_attempts = excluded.max_attempts,
        next_at = CASE WHEN (s.cron, s.timezone) = (excluded.cron, excluded.timezone) THEN s.next_at ELSE first END
    WHERE s.source = excluded.source
    RETURNING s.next_at INTO upcoming;
    IF upcoming IS NULL THEN
        RAISE EXCEPTION 'the schedule % is declared by another source', set_schedule.name
            USING ERRCODE = 'PT409', HINT = 'Give it another name, or remove the other one first.';
    END IF;
    RETURN upcoming;
END $$;

CREATE FUNCTION mesh.remove_schedule(name text) RETURNS boolean
LANGUAGE sql SET search_path = ''
-- Whether there was one. Jobs that it has enqueued stay.
AS $$
    WITH gone AS (DELETE FROM mesh.schedules s WHERE s.name = remove_schedule.name RETURNING s.name)
    SELECT EXISTS (SELECT FROM gone)
$$;

CREATE FUNCTION mesh.pause_schedule(name text, paused boolean DEFAULT true) RETURNS boolean
LANGUAGE sql SET search_path = ''
-- Whether there is one. What it misses while it is paused is not made up for.
AS $$
    WITH changed AS (
        UPDATE mesh.schedules s
        SET paused = pause_schedule.paused,
            next_at = CASE WHEN s.paused AND NOT pause_schedule.paused
                           THEN mesh.cron_next(s.cron, s.timezone, clock_timestamp()) ELSE s.next_at END
        WHERE s.name = pause_schedule.name RETURNING s.name
    )
    SELECT EXISTS (SELECT FROM changed)
$$;

CREATE FUNCTION mesh.keep_schedules(source text, names text[]) RETURNS bigint
LANGUAGE sql SET search_path = ''
-- Removes what the source does not declare any more.
AS $$
    WITH gone AS (
        DELETE FROM mesh.schedules s
        WHERE s.source = keep_schedules.source AND s.name <> ALL (keep_schedules.names) RETURNING s.name
    )
    SELECT count(*) FROM gone
$$;

CREATE FUNCTION mesh.drop_schedules_of_others(prefix text, sources text[]) RETURNS bigint
LANGUAGE sql SET search_path = ''
-- Removes the schedules of sources of a kind that are not there any more, unless a living worker runs their type: it may
-- have plug-ins that this one lacks.
AS $$
    WITH gone AS (
        DELETE FROM mesh.schedules s
        WHERE starts_with(s.source, prefix) AND s.source <> ALL (sources)
          AND NOT EXISTS (SELECT FROM mesh.workers w WHERE w.expires_at > clock_timestamp() AND s.job_type = ANY (w.types))
        RETURNING s.name
    )
    SELECT count(*) FROM gone
$$;

CREATE FUNCTION mesh.cron_latest(expression text, timezone text, since timestamptz, until timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = ''
-- The last time from `since` to `until`; null when there is none. Looks at the last minutes first: a frequent schedule may
-- have missed a thousand times.
AS $$
DECLARE
    back interval;
    moment timestamptz;
    latest timestamptz;
BEGIN
    FOREACH back IN ARRAY ARRAY['2 minutes', '2 hours', '24 hours']::interval[] LOOP
        moment := mesh.cron_next(expression, timezone, greatest(since - interval '1 minute', until - back));
        WHILE moment <= until LOOP
            latest := moment;
            moment := mesh.cron_next(expression, timezone, moment);
        END LOOP;
        EXIT WHEN latest IS NOT NULL;
    END LOOP;
    RETURN latest;
END $$;

CREATE FUNCTION mesh.fire_schedules() RETURNS bigint
LANGUAGE plpgsql SET search_path = ''
-- What was missed collapses into its latest time, within 24 hours. The firing and its job are one transaction, and the key
-- of schedule_runs lets each time fire once. A schedule that cannot be fired must not stop the others.
AS $$
DECLARE
    due mesh.schedules;
    moment timestamptz;
    job uuid;
    problem text;
    fired bigint := 0;
BEGIN
    FOR due IN SELECT s.* FROM mesh.schedules s WHERE NOT s.paused AND s.next_at <= clock_timestamp()
               ORDER BY s.name FOR UPDATE SKIP LOCKED LOOP
        problem := NULL;
        BEGIN
            moment := mesh.cron_latest(due.cron, due.timezone, due.next_at, clock_timestamp());
            job := mesh.uuidv7();
            INSERT INTO mesh.schedule_runs (schedule, fire_at, job_id) SELECT due.name, moment, job WHERE moment IS NOT NULL
            ON CONFLICT DO NOTHING;
            IF FOUND THEN
                PERFORM mesh.enqueue(due.job_type, due.payload, due.priority, max_attempts => due.max_attempts,
                                     payload_version => due.payload_version, id => job);
                fired := fired + 1;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            problem := SQLERRM;
        END;
        UPDATE mesh.schedules s
        SET next_at = mesh.cron_next(due.cron, due.timezone, clock_timestamp()), last_error = problem WHERE s.name = due.name;
    END LOOP;
    RETURN fired;
END $$;

SELECT mesh.keep_private();
