-- Up Migration

-- Only who opened a cursor with the greatest token of its lease moves it. `refreshed_seq`: up to here searches find everything. Of
-- the indices of an alias one serves searches, one may be on its way there, one may be kept to go back to.
ALTER TABLE search_cursors
  ADD COLUMN token bigint NOT NULL DEFAULT 0,
  ADD COLUMN refreshed_seq bigint NOT NULL DEFAULT 0,
  ADD COLUMN alias text,
  ADD COLUMN role text CHECK (role IN ('serving', 'building', 'kept')),
  ADD COLUMN definition text,
  ADD COLUMN job uuid,
  ADD COLUMN paused_until timestamptz;
UPDATE search_cursors SET alias = regexp_replace(index_name, '-[0-9a-f]{8}$', '') WHERE index_name NOT LIKE '(changes)%';
UPDATE search_cursors c SET role = 'serving', refreshed_seq = change_seq
  WHERE alias IS NOT NULL AND index_uuid = (SELECT l.index_uuid FROM search_cursors l WHERE l.alias = c.alias
    ORDER BY l.updated_at DESC, l.index_uuid LIMIT 1);
CREATE UNIQUE INDEX search_cursors_serving ON search_cursors (alias) WHERE role = 'serving';

-- Rejects are numbered, as operators see them, and say of which version they are.
ALTER TABLE search_rejects
  ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY,
  ADD COLUMN collection text NOT NULL DEFAULT 'orders',
  ADD COLUMN version integer,
  ADD COLUMN attempts integer NOT NULL DEFAULT 1;
CREATE UNIQUE INDEX search_rejects_n ON search_rejects (collection, n);

-- Down Migration

ALTER TABLE search_rejects DROP COLUMN n, DROP COLUMN collection, DROP COLUMN version, DROP COLUMN attempts;
ALTER TABLE search_cursors DROP COLUMN token, DROP COLUMN refreshed_seq, DROP COLUMN alias, DROP COLUMN role,
  DROP COLUMN definition, DROP COLUMN job, DROP COLUMN paused_until;
