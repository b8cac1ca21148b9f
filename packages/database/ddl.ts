import type { Collection } from '@ordermill/model'
import { type Column, columnsOf } from './columns.ts'
import { changesCursor, changesCursorSql } from './cursors.ts'
import { dropSearchSql, searchSql } from './search-tables.ts'

const define = ({ name, type, nullable, fallback }: Column) =>
  `${name} ${type}${nullable ? '' : ' NOT NULL'}${fallback === undefined ? '' : ` DEFAULT ${fallback}`}`

/** SQL that makes everything a collection needs in Postgres. */
export function createSql(c: Collection): string {
  const { name } = c
  const columns = columnsOf(c).map((one) => (one.name === 'id' ? `${define(one)} PRIMARY KEY` : define(one)))
  return `CREATE SEQUENCE ${name}_change_seq;
CREATE TABLE ${name} (
  ${columns.join(',\n  ')},
  change_seq bigint NOT NULL DEFAULT nextval('${name}_change_seq')
);
ALTER SEQUENCE ${name}_change_seq OWNED BY ${name}.change_seq;
CREATE UNIQUE INDEX ${name}_change_seq_key ON ${name} (change_seq);
CREATE INDEX ${name}_newest ON ${name} (created_at DESC, id DESC);

-- Versions that were superseded: the record's history, and what tells an ancestor from a fork.
CREATE TABLE ${name}_history (
  id uuid NOT NULL,
  version integer NOT NULL,
  hash text NOT NULL,
  parent text,
  keys jsonb,
  body jsonb NOT NULL,
  superseded_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (id, version, hash)
);

CREATE TRIGGER ${name}_lock_changes BEFORE INSERT OR UPDATE OR DELETE ON ${name}
  FOR EACH STATEMENT EXECUTE FUNCTION lock_changes();
CREATE TRIGGER ${name}_number_change BEFORE UPDATE ON ${name}
  FOR EACH ROW WHEN (NEW.change_seq = OLD.change_seq) EXECUTE FUNCTION number_change();

${searchSql(c)}
${changesCursorSql(c)}`
}

/** SQL that takes all of it away. */
export const dropSql = (c: Collection): string =>
  `DELETE FROM search_cursors WHERE index_uuid = '${changesCursor(c)}';
${dropSearchSql(c)}DROP TABLE ${c.name}_history;\nDROP TABLE ${c.name};\n`

/** SQL that adds the columns which the table lacks, and SQL that takes them away again. */
export function addColumnsSql(c: Collection, existing: string[]): { up: string; down: string } {
  const columns = columnsOf(c).filter(({ name }) => !existing.includes(name))
  return {
    up: columns.map((one) => `ALTER TABLE ${c.name} ADD COLUMN ${define(one)};\n`).join(''),
    down: columns.map((one) => `ALTER TABLE ${c.name} DROP COLUMN ${one.name};\n`).join(''),
  }
}
