-- Up Migration

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

-- Down Migration

DROP TABLE orders_search;
DROP TABLE orders_texts;
DROP TABLE orders_words;
CREATE TABLE orders_texts (
  id uuid PRIMARY KEY,
  change_seq bigint NOT NULL,
  product_name text
);
CREATE INDEX orders_texts_product_name ON orders_texts USING gin (product_name gin_trgm_ops);
