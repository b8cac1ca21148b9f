-- Up Migration

-- What became of versions, counted in the transactions that made it so, by the epoch of the cache in which they were accepted
-- ('': accepted without the cache). parked, replayed (published again, not yet ended) and discarded go down again, too.
CREATE TABLE accounting (
  collection text NOT NULL,
  epoch text NOT NULL,
  persisted bigint NOT NULL DEFAULT 0,
  bulk_persisted bigint NOT NULL DEFAULT 0,
  rejected bigint NOT NULL DEFAULT 0,
  parked bigint NOT NULL DEFAULT 0,
  replayed bigint NOT NULL DEFAULT 0,
  discarded bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (collection, epoch)
) WITH (fillfactor = 50);

-- What a row of the ledger is about: a version (its hash), a bulk (its id), else itself. Several rows may be about one version.
ALTER TABLE parked
  ADD COLUMN epoch text NOT NULL DEFAULT '',
  ADD COLUMN subject text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
    CASE WHEN id IS NOT NULL AND version IS NOT NULL AND hash IS NOT NULL THEN hash
      WHEN id IS NOT NULL AND routing_key = collection || '.bulk' THEN id::text ELSE identity END
  ) STORED;
CREATE INDEX parked_of_subject ON parked (collection, subject);

-- As what each of these is counted; ended: persisted or rejected, and counted as that.
CREATE TABLE parked_subjects (
  collection text NOT NULL,
  subject text COLLATE "C" NOT NULL,
  epoch text NOT NULL,
  standing text NOT NULL CHECK (standing IN ('parked', 'replayed', 'discarded', 'ended')),
  PRIMARY KEY (collection, subject)
);
INSERT INTO parked_subjects (collection, subject, epoch, standing)
  SELECT collection, subject, '', CASE
    WHEN bool_or(EXISTS (SELECT 1 FROM orders t WHERE t.id = p.id AND t.hash = p.hash)
      OR EXISTS (SELECT 1 FROM orders_history h WHERE h.id = p.id AND h.version = p.version AND h.hash = p.hash)
      OR EXISTS (SELECT 1 FROM bulks b WHERE b.id = p.id)) THEN 'ended'
    WHEN bool_or(state = 'PARKED') THEN 'parked'
    WHEN bool_or(state = 'REPLAYED') THEN 'replayed'
    ELSE 'discarded' END
  FROM parked p GROUP BY collection, subject;
INSERT INTO accounting (collection, epoch, parked, replayed, discarded)
  SELECT collection, '', count(*) FILTER (WHERE standing = 'parked'), count(*) FILTER (WHERE standing = 'replayed'),
    count(*) FILTER (WHERE standing = 'discarded')
  FROM parked_subjects GROUP BY collection;

-- Down Migration

DROP TABLE parked_subjects;
ALTER TABLE parked DROP COLUMN subject, DROP COLUMN epoch;
DROP TABLE accounting;
