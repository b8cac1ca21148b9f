-- Up Migration

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

-- Down Migration

DROP TABLE attempts;
DROP TABLE probes;
