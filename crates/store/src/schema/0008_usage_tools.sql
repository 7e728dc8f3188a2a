-- The tools that a model's answer called, as a JSON list of names; NULL when it called none, and for what is older than this column.
ALTER TABLE usage ADD COLUMN tools TEXT;
