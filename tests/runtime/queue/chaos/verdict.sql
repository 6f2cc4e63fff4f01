-- check: a job that cannot fail did not complete
SELECT id, job_type, status FROM mesh.history
WHERE status <> 'completed' AND job_type <> ALL (%(loose)s) AND NOT (status = 'superseded' AND job_type = 'chaos_debounced')
UNION ALL
SELECT id, job_type, reason || ': ' || errors::text FROM mesh.dead_jobs WHERE job_type <> ALL (%(loose)s);

-- check: an attempt was counted against a job that cannot fail
SELECT id, job_type, attempts, errors FROM mesh.history
WHERE job_type <> ALL (%(loose)s) AND (errors IS NOT NULL OR attempts > (status = 'completed')::integer);

-- check: a job ended twice
SELECT id, count(*) FROM (SELECT id FROM mesh.history UNION ALL SELECT id FROM mesh.dead_jobs) AS ended
GROUP BY id HAVING count(*) > 1;

-- check: two live leases of a job overlapped
SELECT job_id, token, entered FROM (
    SELECT job_id, token, entered, lag(token) OVER line AS token_before, lag(entered) OVER line AS entered_before
    FROM chaos.leases WINDOW line AS (PARTITION BY job_id ORDER BY seq)) AS steps
WHERE entered IS NOT DISTINCT FROM coalesce(entered_before, false) OR (NOT entered AND token <> token_before);

-- check: a key exceeded its limit
SELECT key, max(held), max(most) FROM (
    SELECT l.key, coalesce(m.most_running, 1) AS most,
           sum(CASE WHEN entered THEN 1 ELSE -1 END) OVER (PARTITION BY l.key ORDER BY seq) AS held
    FROM chaos.leases l LEFT JOIN chaos.limits m USING (key) WHERE l.key IS NOT NULL) AS steps
GROUP BY key HAVING max(held) > max(most);

-- check: a handler started without ever having had a lease
SELECT s.job_id, s.token FROM chaos.starts s
WHERE NOT EXISTS (SELECT FROM chaos.leases l
                  WHERE (l.job_id, l.token) = (s.job_id, s.token) AND l.entered AND l.seq < s.seq);

-- check: a job started twice under one lease
SELECT job_id, token FROM chaos.starts GROUP BY 1, 2 HAVING count(*) > 1;

-- check: a transactional effect did not happen exactly once
SELECT h.id, count(e.job_id) FROM mesh.history h LEFT JOIN chaos.effects e ON e.job_id = h.id
WHERE h.job_type = 'chaos_once' GROUP BY h.id HAVING count(e.job_id) <> 1
UNION ALL
SELECT e.job_id, 0 FROM chaos.effects e WHERE NOT EXISTS (SELECT FROM mesh.history h WHERE h.id = e.job_id);

-- check: a stale completion was accepted
SELECT h.id, h.token, last.token FROM mesh.history h
JOIN (SELECT l.job_id, max(l.token) AS token FROM chaos.leases l GROUP BY 1) AS last ON last.job_id = h.id
WHERE h.status = 'completed' AND h.token IS DISTINCT FROM last.token
UNION ALL
SELECT e.job_id, e.token, h.token FROM chaos.effects e JOIN mesh.history h ON h.id = e.job_id WHERE h.token <> e.token;

-- check: a job completed without having run
SELECT h.id, h.job_type FROM mesh.history h LEFT JOIN chaos.starts s ON (s.job_id, s.token) = (h.id, h.token)
WHERE h.status = 'completed' AND s.run IS NULL;

-- check: a child ran before its parents had ended
SELECT h.id FROM mesh.history h CROSS JOIN unnest(h.parents) AS parent (id)
JOIN (SELECT l.job_id, min(l.seq) AS seq FROM chaos.leases l GROUP BY 1) AS began ON began.job_id = h.id
JOIN (SELECT l.job_id, max(l.seq) AS seq FROM chaos.leases l GROUP BY 1) AS ended ON ended.job_id = parent.id
WHERE began.seq < ended.seq;

-- check: the last change of a subject was never seen
SELECT key, changes, seen FROM chaos.subjects WHERE seen <> changes;

-- check: something is left
SELECT id, status FROM mesh.jobs
UNION ALL SELECT NULL, 'lease ' || token FROM mesh.leases
UNION ALL SELECT job_id, 'lease end' FROM mesh.lease_ends;

-- figures: how much of what
SELECT (SELECT count(*) FROM mesh.history WHERE status = 'completed') AS completed,
       (SELECT count(*) FROM mesh.history WHERE status = 'cancelled') AS cancelled,
       (SELECT count(*) FROM mesh.history WHERE status = 'superseded') AS superseded,
       (SELECT count(*) FROM mesh.dead_jobs) AS dead,
       (SELECT count(*) FROM chaos.starts) AS starts,
       (SELECT count(*) FROM mesh.history WHERE rescues > 0) AS rescued_jobs,
       (SELECT max(rescues) FROM mesh.history) AS most_rescues,
       (SELECT count(*) FROM chaos.starts s
        JOIN chaos.leases l ON (l.job_id, l.token) = (s.job_id, s.token) AND NOT l.entered
        WHERE s.ended_seq > l.seq) AS ended_without_lease,
       (SELECT count(DISTINCT key) FROM chaos.leases) AS keys;
