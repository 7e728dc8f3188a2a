-- Messages of ours on a channel: which part of which run became which message of the platform.
CREATE TABLE sent_messages (
    channel    TEXT NOT NULL,
    account    TEXT NOT NULL,
    chat       TEXT NOT NULL,
    message    TEXT NOT NULL,
    run        TEXT NOT NULL,
    part       INTEGER NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    PRIMARY KEY (channel, account, chat, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX sent_messages_run ON sent_messages (run, part);
CREATE INDEX sent_messages_at ON sent_messages (channel, account, chat, sent_at_ms);
CREATE INDEX sent_messages_age ON sent_messages (sent_at_ms);

-- Strangers who asked to be let in, one code each, and senders who were.
CREATE TABLE pairing_codes (
    channel         TEXT NOT NULL,
    account         TEXT NOT NULL,
    sender          TEXT NOT NULL,
    code            TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    chat            TEXT NOT NULL,
    requested_at_ms INTEGER NOT NULL,
    PRIMARY KEY (channel, account, sender)
) STRICT, WITHOUT ROWID;

CREATE TABLE paired_senders (
    channel        TEXT NOT NULL,
    account        TEXT NOT NULL,
    sender         TEXT NOT NULL,
    name           TEXT NOT NULL,
    owner          INTEGER NOT NULL,
    approved_at_ms INTEGER NOT NULL,
    PRIMARY KEY (channel, account, sender)
) STRICT, WITHOUT ROWID;

-- Replies of one chat go out in their order, so each look for work asks for the first of every chat.
DROP INDEX outbox_waiting;
CREATE INDEX outbox_waiting ON outbox (channel, account, chat, id, due_at_ms) WHERE state = 'waiting';
