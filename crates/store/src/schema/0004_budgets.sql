-- What one conversation used is asked for when it has a budget.
CREATE INDEX usage_session ON usage (session_id);
