-- Up Migration

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

-- Down Migration

DROP TABLE view_refreshes;
DROP TABLE leases;
DROP TABLE search_rejects;
DROP TABLE search_cursors;
DROP FUNCTION iso(timestamptz);
DROP FUNCTION number_change();
DROP FUNCTION lock_changes();
