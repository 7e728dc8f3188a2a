-- Commands that run without a question, for one agent or, as `*`, for all.
CREATE TABLE exec_grants (
    id            TEXT NOT NULL PRIMARY KEY,
    agent         TEXT NOT NULL,
    pattern       TEXT NOT NULL,
    arg_pattern   TEXT,
    source        TEXT,
    command       TEXT,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    used_at_ms    INTEGER,
    used_command  TEXT,
    used_program  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX exec_grants_agent ON exec_grants (agent, created_at_ms);

-- Questions that were decided, or never were.
CREATE TABLE approvals (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    record        TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
