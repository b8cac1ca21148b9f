-- The schema of a fresh database. Made by 'npm run migrate -- snapshot' from packages/database/migrations: do not edit.

-- 0001_foundations

-- Change numbers become visible in order: who writes to a collection takes its lock first and lets go at commit.
CREATE FUNCTION lock_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, 0));
  RETURN NULL;
END $$;

-- A write by hand that sets no change number gets the next one.
CREATE FUNCTION number_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.change_seq := nextval(format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME || '_change_seq')::regclass);
  RETURN NEW;
END $$;

-- RFC 3339 in UTC to the millisecond: the one form in which records carry times.
CREATE FUNCTION iso(at timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- How far each search index has followed its table. Keyed by the index's UUID: a new index starts from 0.
CREATE TABLE search_cursors (
  index_uuid text PRIMARY KEY,
  index_name text NOT NULL,
  change_seq bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Documents that the engine will never take, with why.
CREATE TABLE search_rejects (
  index_uuid text NOT NULL,
  id uuid NOT NULL,
  change_seq bigint NOT NULL,
  reason text NOT NULL,
  rejected_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (index_uuid, id)
);

-- Who may do what only one may do, for how long. The token grows with every holder: an older one is refused.
CREATE TABLE leases (
  name text PRIMARY KEY,
  holder text NOT NULL,
  token bigint NOT NULL,
  expires_at timestamptz NOT NULL
);

-- Each refresh of a view: what it knows (as_of, change_seq) was read before it started.
CREATE TABLE view_refreshes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  view text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('refreshed', 'unchanged', 'failed')),
  as_of timestamptz NOT NULL,
  change_seq bigint NOT NULL,
  duration_ms double precision NOT NULL,
  error text
);
CREATE INDEX view_refreshes_latest ON view_refreshes (view, id DESC);

-- 0002_orders

CREATE SEQUENCE orders_change_seq;
CREATE TABLE orders (
  id uuid NOT NULL PRIMARY KEY,
  version integer NOT NULL,
  hash text NOT NULL,
  parent text,
  status text NOT NULL,
  product_name text NOT NULL,
  quantity integer NOT NULL DEFAULT 1,
  amount numeric(16,4) NOT NULL,
  currency text NOT NULL DEFAULT 'USD',
  customer_id text,
  reference text,
  placed_at timestamp with time zone NOT NULL DEFAULT now(),
  created_at timestamp with time zone NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  deleted_at timestamp with time zone,
  keys jsonb,
  change_seq bigint NOT NULL DEFAULT nextval('orders_change_seq')
);
ALTER SEQUENCE orders_change_seq OWNED BY orders.change_seq;
CREATE UNIQUE INDEX orders_change_seq_key ON orders (change_seq);
CREATE INDEX orders_newest ON orders (created_at DESC, id DESC);

-- Versions that were superseded: the record's history, and what tells an ancestor from a fork.
CREATE TABLE orders_history (
  id uuid NOT NULL,
  version integer NOT NULL,
  hash text NOT NULL,
  parent text,
  keys jsonb,
  body jsonb NOT NULL,
  superseded_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (id, version, hash)
);

CREATE TRIGGER orders_lock_changes BEFORE INSERT OR UPDATE OR DELETE ON orders
  FOR EACH STATEMENT EXECUTE FUNCTION lock_changes();
CREATE TRIGGER orders_number_change BEFORE UPDATE ON orders
  FOR EACH ROW WHEN (NEW.change_seq = OLD.change_seq) EXECUTE FUNCTION number_change();

CREATE INDEX orders_of_customer ON orders (customer_id, created_at DESC, id DESC) WHERE customer_id IS NOT NULL;
CREATE INDEX orders_of_reference ON orders (reference, created_at DESC, id DESC) WHERE reference IS NOT NULL;
CREATE INDEX orders_in_status ON orders (status, created_at DESC, id DESC);

-- Sales by UTC day and currency. Tombstones and cancelled orders do not count; sums never cross currencies.
CREATE MATERIALIZED VIEW daily_sales_mv AS
  SELECT (placed_at AT TIME ZONE 'UTC')::date AS sale_date, currency,
    sum(amount) AS total_revenue, count(*) AS orders, sum(quantity)::bigint AS units
  FROM orders WHERE deleted_at IS NULL AND status <> 'cancelled'
  GROUP BY 1, 2;
CREATE UNIQUE INDEX daily_sales_mv_key ON daily_sales_mv (sale_date, currency);

-- 0003_bulks_and_jobs

-- What became of each bulk. Written in the transaction that committed its orders, or after the one that was rolled back.
CREATE TABLE bulks (
  id uuid PRIMARY KEY,
  fingerprint text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('committed', 'rolled_back')),
  members integer NOT NULL,
  errors jsonb,
  finished_at timestamptz NOT NULL DEFAULT now()
);

-- What an operator asked for that takes longer than a request.
CREATE TABLE jobs (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  arguments jsonb NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'OPEN'
    CHECK (state IN ('OPEN', 'IN_QUEUE', 'PROCESSING', 'COMPLETED', 'FAILED', 'RETRY_IN_QUEUED', 'CANCELLED')),
  progress jsonb,
  result jsonb,
  error text,
  attempts integer NOT NULL DEFAULT 0,
  cancel_requested boolean NOT NULL DEFAULT false,
  holder text,
  lease_until timestamptz,
  run_after timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX jobs_one_at_a_time ON jobs (kind) WHERE state IN ('OPEN', 'IN_QUEUE', 'PROCESSING', 'RETRY_IN_QUEUED');
CREATE INDEX jobs_newest ON jobs (created_at DESC, id DESC);

-- 0004_parked

-- Counts parkings, in order: who replays says up to which one, and what comes back meanwhile is told from what stood there before.
CREATE SEQUENCE parkings;

-- What was set aside: one row a version (or a message that is none), however often it was parked. Bytes and headers as they came:
-- json, not jsonb, which refuses texts that JSON allows.
CREATE TABLE parked (
  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  parking bigint NOT NULL DEFAULT nextval('parkings'),
  collection text NOT NULL,
  identity text NOT NULL,
  routing_key text NOT NULL,
  type text,
  id uuid,
  version integer,
  hash text,
  code text NOT NULL,
  reason text NOT NULL,
  fingerprint text NOT NULL,
  body bytea NOT NULL,
  headers json NOT NULL,
  properties json NOT NULL,
  correlation_id text,
  state text NOT NULL DEFAULT 'PARKED' CHECK (state IN ('PARKED', 'REPLAYED', 'DISCARDED')),
  attempts integer NOT NULL DEFAULT 1,
  replays integer NOT NULL DEFAULT 0,
  parked_at timestamptz NOT NULL DEFAULT now(),
  last_parked_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  UNIQUE (collection, identity)
);
ALTER SEQUENCE parkings OWNED BY parked.parking;
CREATE INDEX parked_standing ON parked (code, fingerprint) WHERE state = 'PARKED';
CREATE INDEX parked_in_state ON parked (state, n DESC);
CREATE INDEX parked_of_record ON parked (id, version) WHERE id IS NOT NULL;

-- What operators gave up: who, when, why. A row that is parked again afterwards may be given up again.
CREATE TABLE parked_discards (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  n bigint NOT NULL REFERENCES parked (n),
  discarded_by text NOT NULL,
  reason text NOT NULL,
  discarded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX parked_discards_of ON parked_discards (n, id);

-- 0005_texts

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;

-- Whether these words stand in a folded text in this order, with at most so many others between them, taken together.
CREATE FUNCTION phrase_within(folded text, words text[], slop integer) RETURNS boolean
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  have text[] := string_to_array(btrim(folded), ' ');
  last integer;
BEGIN
  FOR start IN 1 .. cardinality(have) LOOP
    CONTINUE WHEN have[start] <> words[1];
    last := start;
    FOR wanted IN 2 .. cardinality(words) LOOP
      -- The nearest one leaves the most room for those after it.
      last := last + array_position(have[last + 1 :], words[wanted]);
      IF last IS NULL THEN RETURN false; END IF;
    END LOOP;
    IF last - start + 1 - cardinality(words) <= slop THEN RETURN true; END IF;
  END LOOP;
  RETURN false;
END $$;

-- Whether a folded text has a word with this first letter that is so few letters away.
CREATE FUNCTION word_near(folded text, word text, edits integer) RETURNS boolean
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT EXISTS (
    SELECT FROM unnest(string_to_array(btrim(folded), ' ')) AS have
    WHERE left(have, 1) = left(word, 1) AND levenshtein_less_equal(have, word, edits) <= edits
  )
$$;

-- Texts as search compares them: folded, a space before and behind each word.
CREATE TABLE orders_texts (
  id uuid PRIMARY KEY,
  change_seq bigint NOT NULL,
  product_name text
);
CREATE INDEX orders_texts_product_name ON orders_texts USING gin (product_name gin_trgm_ops);

-- 0006_accounting

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

-- 0007_changes

-- Others are told of the changes that come from here on: a table that is empty from its first one.
INSERT INTO search_cursors (index_uuid, index_name, change_seq)
  SELECT '(changes)orders', '(changes)orders', coalesce(max(change_seq), 0) FROM orders ON CONFLICT DO NOTHING;

-- 0008_search

DROP TABLE orders_texts;

-- What is searched: a row a record, each different text once, each different word once. Fed in change order, off the way of the writes.
CREATE TABLE orders_search (
  id uuid PRIMARY KEY,
  change_seq bigint NOT NULL,
  version integer,
  status text COLLATE "C",
  product_name uuid,
  quantity integer,
  amount numeric(16,4),
  currency text COLLATE "C",
  customer_id text COLLATE "C",
  reference text COLLATE "C",
  placed_at timestamp with time zone,
  created_at timestamp with time zone,
  updated_at timestamp with time zone,
  deleted_at timestamp with time zone
);
CREATE INDEX orders_search_status ON orders_search (status, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_search_product_name ON orders_search (product_name, id) INCLUDE (status, quantity, amount, placed_at, created_at, updated_at) WHERE deleted_at IS NULL;
CREATE INDEX orders_search_quantity ON orders_search (quantity, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_search_amount ON orders_search (amount, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_search_currency ON orders_search (currency, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_search_customer_id ON orders_search (customer_id, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_search_reference ON orders_search (reference, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_search_placed_at ON orders_search (placed_at, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_search_created_at ON orders_search (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_search_updated_at ON orders_search (updated_at, id) WHERE deleted_at IS NULL;
CREATE TABLE orders_texts (
  id uuid PRIMARY KEY,
  folded text NOT NULL,
  words text[] NOT NULL
);
CREATE INDEX orders_texts_words ON orders_texts USING gin (words) WITH (gin_pending_list_limit = 256);
CREATE INDEX orders_texts_folded ON orders_texts USING gin (folded gin_trgm_ops) WITH (gin_pending_list_limit = 256);
CREATE TABLE orders_words (
  word text COLLATE "C" PRIMARY KEY
);

-- 0009_persisting

-- The real write of a probe: what cannot be written here cannot be persisted either.
CREATE TABLE probes (
  collection text PRIMARY KEY,
  probed_at timestamptz NOT NULL
);

-- Attempts of deliveries that came again and were tried alone, written before the attempt. One that is open (it has a holder) though
-- the delivery is somebody else's now is one in which a worker died.
CREATE TABLE attempts (
  queue text NOT NULL,
  identity text NOT NULL,
  holder uuid,
  deaths integer NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (queue, identity)
);

-- 0010_following

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

-- 0011_differing

-- What an index does not have of the definition by which it is fed, and only a new one can have.
ALTER TABLE search_cursors ADD COLUMN differs text[] NOT NULL DEFAULT '{}';

CREATE TABLE migrations (
  id serial PRIMARY KEY,
  name varchar(255) NOT NULL,
  run_on timestamp NOT NULL
);
INSERT INTO migrations (name, run_on) VALUES
  ('0001_foundations', now()),
  ('0002_orders', now()),
  ('0003_bulks_and_jobs', now()),
  ('0004_parked', now()),
  ('0005_texts', now()),
  ('0006_accounting', now()),
  ('0007_changes', now()),
  ('0008_search', now()),
  ('0009_persisting', now()),
  ('0010_following', now()),
  ('0011_differing', now());
