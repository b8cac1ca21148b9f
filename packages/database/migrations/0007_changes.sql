-- Up Migration

-- Others are told of the changes that come from here on: a table that is empty from its first one.
INSERT INTO search_cursors (index_uuid, index_name, change_seq)
  SELECT '(changes)orders', '(changes)orders', coalesce(max(change_seq), 0) FROM orders ON CONFLICT DO NOTHING;

-- Down Migration

DELETE FROM search_cursors WHERE index_uuid = '(changes)orders';
