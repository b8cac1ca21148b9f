-- Up Migration

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

-- Down Migration

DROP MATERIALIZED VIEW daily_sales_mv;
DROP TABLE orders_history;
DROP TABLE orders;
