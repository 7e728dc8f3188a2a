-- Where the newest summary of a conversation stands, and how many it had. The context begins at `context_from`, which is before
-- the summary: what is kept word for word was said before it was written.
ALTER TABLE conversations ADD COLUMN summary_seq INTEGER;
ALTER TABLE conversations ADD COLUMN summaries INTEGER NOT NULL DEFAULT 0;
