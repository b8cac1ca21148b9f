-- Up Migration

-- What an index does not have of the definition by which it is fed, and only a new one can have.
ALTER TABLE search_cursors ADD COLUMN differs text[] NOT NULL DEFAULT '{}';

-- Down Migration

ALTER TABLE search_cursors DROP COLUMN differs;
