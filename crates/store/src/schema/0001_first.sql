-- Accepted inbound messages. A row without closed_at_ms is open and has to be answered.
-- AUTOINCREMENT: numbers order the inbox for ever, so pruning must not let one come back.
CREATE TABLE inbox (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    channel        TEXT NOT NULL,
    account        TEXT NOT NULL,
    platform_id    TEXT NOT NULL,
    session_key    TEXT NOT NULL,
    agent          TEXT NOT NULL,
    run            TEXT NOT NULL,
    body           TEXT NOT NULL,
    state          TEXT NOT NULL,
    attempts       INTEGER NOT NULL DEFAULT 0,
    received_at_ms INTEGER NOT NULL,
    closed_at_ms   INTEGER,
    result         TEXT,
    UNIQUE (channel, account, platform_id)
) STRICT;
CREATE INDEX inbox_open ON inbox (session_key, id) WHERE closed_at_ms IS NULL;
CREATE INDEX inbox_closed ON inbox (closed_at_ms) WHERE closed_at_ms IS NOT NULL;
CREATE INDEX inbox_run ON inbox (run);

-- One row a key. search_text is the lowercase key and label, since SQLite folds ASCII only.
CREATE TABLE sessions (
    key             TEXT PRIMARY KEY,
    agent           TEXT NOT NULL,
    conversation    INTEGER NOT NULL UNIQUE REFERENCES conversations (number),
    created_at_ms   INTEGER NOT NULL,
    updated_at_ms   INTEGER NOT NULL,
    label           TEXT,
    model           TEXT,
    thinking_level  TEXT,
    verbose_level   TEXT,
    reasoning_level TEXT,
    category        TEXT,
    archived        INTEGER NOT NULL DEFAULT 0,
    pinned          INTEGER NOT NULL DEFAULT 0,
    unread          INTEGER NOT NULL DEFAULT 0,
    last_state      TEXT,
    search_text     TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_updated ON sessions (updated_at_ms);

-- Every conversation that a key ever had; the session names the current one. Items refer to the number, which is a
-- tenth of the id. `items` is both their count and the last position given, which keeps positions free of gaps;
-- `item_tokens` is the sum of their tokens.
CREATE TABLE conversations (
    number             INTEGER PRIMARY KEY,
    id                 TEXT NOT NULL UNIQUE,
    session_key        TEXT NOT NULL,
    started_at_ms      INTEGER NOT NULL,
    items              INTEGER NOT NULL DEFAULT 0,
    item_tokens        INTEGER NOT NULL DEFAULT 0,
    context_from       INTEGER NOT NULL DEFAULT 1,
    input_tokens       INTEGER NOT NULL DEFAULT 0,
    output_tokens      INTEGER NOT NULL DEFAULT 0,
    cache_read_tokens  INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0,
    context_tokens     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX conversations_key ON conversations (session_key);

CREATE TABLE items (
    number        INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    conversation  INTEGER NOT NULL REFERENCES conversations (number),
    seq           INTEGER NOT NULL,
    run           TEXT,
    kind          TEXT NOT NULL,
    tokens        INTEGER NOT NULL,
    body          TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    UNIQUE (conversation, seq)
) STRICT;
CREATE INDEX items_run ON items (conversation, run, seq) WHERE run IS NOT NULL;

-- The searched text lives here only; rowid is items.number. See search.rs for how it is cut into words.
CREATE VIRTUAL TABLE items_fts USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2');

CREATE TABLE outbox (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    channel       TEXT NOT NULL,
    account       TEXT NOT NULL,
    chat          TEXT NOT NULL,
    session_key   TEXT NOT NULL,
    body          TEXT NOT NULL,
    state         TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts      INTEGER NOT NULL DEFAULT 0,
    due_at_ms     INTEGER NOT NULL,
    parts_sent    INTEGER NOT NULL DEFAULT 0,
    last_error    TEXT,
    created_at_ms INTEGER NOT NULL,
    closed_at_ms  INTEGER
) STRICT;
CREATE INDEX outbox_waiting ON outbox (id, due_at_ms) WHERE state = 'waiting';
CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead';
CREATE INDEX outbox_closed ON outbox (closed_at_ms) WHERE closed_at_ms IS NOT NULL;

CREATE TABLE usage (
    number      INTEGER PRIMARY KEY,
    at_ms       INTEGER NOT NULL,
    session_id  TEXT NOT NULL,
    agent       TEXT NOT NULL,
    run         TEXT NOT NULL,
    provider    TEXT NOT NULL,
    model       TEXT NOT NULL,
    input       INTEGER NOT NULL,
    output      INTEGER NOT NULL,
    cache_read  INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    cost_micros INTEGER
) STRICT;
CREATE INDEX usage_at ON usage (at_ms);

CREATE TABLE kv (
    namespace TEXT NOT NULL,
    key       TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (namespace, key)
) STRICT, WITHOUT ROWID;

-- Devices and requests are few and always read whole, so each is one JSON record beside what SQL asks for.
CREATE TABLE devices (
    id     TEXT PRIMARY KEY,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE device_tokens (
    device_id     TEXT NOT NULL,
    role          TEXT NOT NULL,
    scopes        TEXT NOT NULL,
    hash          BLOB NOT NULL CHECK (length(hash) = 32),
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (device_id, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE pairing_requests (
    request_id TEXT PRIMARY KEY,
    device_id  TEXT NOT NULL,
    role       TEXT NOT NULL,
    ts         INTEGER NOT NULL,
    record     TEXT NOT NULL,
    UNIQUE (device_id, role)
) STRICT, WITHOUT ROWID;
