-- Automations. What one does and when stands in `job`, how it went in `state`; both are their owner's. One without due_at_ms waits
-- for nothing.
CREATE TABLE cron_jobs (
    id            TEXT PRIMARY KEY,
    job           TEXT NOT NULL,
    state         TEXT NOT NULL,
    due_at_ms     INTEGER,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cron_jobs_due ON cron_jobs (due_at_ms) WHERE due_at_ms IS NOT NULL;

-- What became of each time that one was due. A row without ended_at_ms goes on. `run` is the turn's, if it came to one.
CREATE TABLE cron_runs (
    number        INTEGER PRIMARY KEY,
    job_id        TEXT NOT NULL,
    run           TEXT NOT NULL UNIQUE,
    status        TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    ended_at_ms   INTEGER,
    record        TEXT NOT NULL
) STRICT;
CREATE INDEX cron_runs_job ON cron_runs (job_id, number);
CREATE INDEX cron_runs_open ON cron_runs (number) WHERE ended_at_ms IS NULL;
CREATE INDEX cron_runs_ended ON cron_runs (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
