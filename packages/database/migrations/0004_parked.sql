-- Up Migration

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

-- Down Migration

DROP TABLE parked_discards;
DROP TABLE parked;
