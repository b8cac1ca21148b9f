-- Up Migration

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

-- Down Migration

DROP TABLE orders_texts;
DROP FUNCTION word_near(text, text, integer);
DROP FUNCTION phrase_within(text, text[], integer);
DROP EXTENSION fuzzystrmatch;
DROP EXTENSION pg_trgm;
