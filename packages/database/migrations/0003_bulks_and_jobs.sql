-- Up Migration

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

-- Down Migration

DROP TABLE jobs;
DROP TABLE bulks;
