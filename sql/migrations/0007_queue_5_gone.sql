-- Functions that nobody calls any more: their callers were replaced before, and whoever was under way then has ended, as the
-- lock has waited for it.

SELECT mesh.lock_tables('mesh.jobs, mesh.leases, mesh.dead_jobs, mesh.job_moves', 'SHARE');

DROP FUNCTION mesh.take_jobs;
DROP FUNCTION mesh.moved;
DROP FUNCTION mesh.enqueue_job;

SELECT mesh.keep_private();
