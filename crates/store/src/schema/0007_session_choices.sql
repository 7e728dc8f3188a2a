-- More that people choose for a session: what stands under its answers, whether they are sent, when it speaks in a group, what
-- happens to messages that come while a turn runs, and when its conversation ends by itself (0: never). NULL: not chosen.
ALTER TABLE sessions ADD COLUMN response_usage TEXT;
ALTER TABLE sessions ADD COLUMN send_policy TEXT;
ALTER TABLE sessions ADD COLUMN group_activation TEXT;
ALTER TABLE sessions ADD COLUMN queue_mode TEXT;
ALTER TABLE sessions ADD COLUMN queue_debounce_ms INTEGER;
ALTER TABLE sessions ADD COLUMN queue_cap INTEGER;
ALTER TABLE sessions ADD COLUMN queue_drop TEXT;
ALTER TABLE sessions ADD COLUMN idle_minutes INTEGER;
ALTER TABLE sessions ADD COLUMN max_age_minutes INTEGER;
