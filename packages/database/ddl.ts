import { type Collection, searchableTexts } from '@ordermill/model'
import { type Column, columnsOf } from './columns.ts'
import { changesCursor, changesCursorSql } from './cursors.ts'
import { textsTable } from './texts.ts'

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
${textsSql(c)}
${changesCursorSql(c)}`
}

const textIndexSql = (table: string, name: string) =>
  `CREATE INDEX ${table}_${name} ON ${table} USING gin (${name} gin_trgm_ops);\n`

/** SQL that makes the table of a collection's folded texts. It is fed in change order, off the way of the writes. */
export function textsSql(c: Collection): string {
  const names = searchableTexts(c)
  const table = textsTable(c)
  if (names.length === 0) return ''
  const columns = ['id uuid PRIMARY KEY', 'change_seq bigint NOT NULL', ...names.map((name) => `${name} text`)]
  const indexes = names.map((name) => textIndexSql(table, name))
  return `
-- Texts as search compares them: folded, a space before and behind each word.
CREATE TABLE ${table} (
  ${columns.join(',\n  ')}
);
${indexes.join('')}`
}

/** SQL that takes all of it away. */
export const dropSql = (c: Collection): string =>
  `DELETE FROM search_cursors WHERE index_uuid = '${changesCursor(c)}';
${searchableTexts(c).length === 0 ? '' : `DROP TABLE ${textsTable(c)};\n`}DROP TABLE ${c.name}_history;\nDROP TABLE ${c.name};\n`

/** SQL that adds the columns which the table and its texts lack, and SQL that takes them away again. */
export function addColumnsSql(
  c: Collection,
  existing: { columns: string[]; texts: string[] },
): { up: string; down: string } {
  const columns = columnsOf(c).filter(({ name }) => !existing.columns.includes(name))
  const texts = searchableTexts(c).filter((name) => !existing.texts.includes(name))
  const table = textsTable(c)
  return {
    up: [
      ...columns.map((one) => `ALTER TABLE ${c.name} ADD COLUMN ${define(one)};\n`),
      ...texts.map((name) => `ALTER TABLE ${table} ADD COLUMN ${name} text;\n${textIndexSql(table, name)}`),
    ].join(''),
    down: [
      ...texts.map((name) => `ALTER TABLE ${table} DROP COLUMN ${name};\n`),
      ...columns.map((one) => `ALTER TABLE ${c.name} DROP COLUMN ${one.name};\n`),
    ].join(''),
  }
}
