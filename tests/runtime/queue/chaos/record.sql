-- What the chaos test writes down, in the transactions of the queue itself, so that a crash forgets both or neither.
CREATE SCHEMA chaos;
CREATE SEQUENCE chaos.clock;

-- Each job that enters a lease or leaves one. A job that leaves does so in the transaction that lets it be claimed again,
-- so the numbers of two leases of one job are in the order in which they lived.
CREATE TABLE chaos.leases (
    seq bigint NOT NULL DEFAULT nextval('chaos.clock'),
    job_id uuid NOT NULL,
    token bigint NOT NULL,
    entered boolean NOT NULL,
    key text
);
CREATE INDEX ON chaos.leases (token, job_id) WHERE NOT entered;

CREATE FUNCTION chaos.lease_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos.leases (job_id, token, entered, key)
    SELECT j.id, NEW.token, true, coalesce(j.gate, 'unique:' || j.job_type || ':' || j.unique_key) FROM unnest(NEW.jobs) AS j;
    RETURN NULL;
END $$;

CREATE FUNCTION chaos.job_leaves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos.leases (job_id, token, entered, key)
    SELECT j.id, l.token, false, coalesce(j.gate, 'unique:' || j.job_type || ':' || j.unique_key)
    FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j WHERE l.token = NEW.token AND j.id = NEW.job_id;
    RETURN NULL;
END $$;

CREATE FUNCTION chaos.lease_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos.leases (job_id, token, entered, key)
    SELECT j.id, OLD.token, false, coalesce(j.gate, 'unique:' || j.job_type || ':' || j.unique_key) FROM unnest(OLD.jobs) AS j
    WHERE NOT EXISTS (SELECT FROM chaos.leases l WHERE l.token = OLD.token AND l.job_id = j.id AND NOT l.entered);
    RETURN NULL;
END $$;

CREATE TRIGGER chaos_begins AFTER INSERT ON mesh.leases FOR EACH ROW EXECUTE FUNCTION chaos.lease_begins();
CREATE TRIGGER chaos_leaves AFTER INSERT ON mesh.lease_ends FOR EACH ROW EXECUTE FUNCTION chaos.job_leaves();
CREATE TRIGGER chaos_ends AFTER DELETE ON mesh.leases FOR EACH ROW EXECUTE FUNCTION chaos.lease_ends();

-- Each start of a handler, and its end if it got there.
CREATE TABLE chaos.starts (
    run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL,
    token bigint NOT NULL,
    pid integer NOT NULL,
    seq bigint NOT NULL DEFAULT nextval('chaos.clock'),
    ended_seq bigint
);

-- What transactional handlers do; nothing keeps them from doing it twice but the queue.
CREATE TABLE chaos.effects (job_id uuid NOT NULL, token bigint NOT NULL);

-- How often the subject of debounced jobs was changed, and the last change that a job has seen.
CREATE TABLE chaos.subjects (key text PRIMARY KEY, changes bigint NOT NULL DEFAULT 0, seen bigint NOT NULL DEFAULT 0);

CREATE TABLE chaos.limits (key text PRIMARY KEY, most_running integer NOT NULL);
