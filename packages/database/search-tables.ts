import { hash } from 'node:crypto'
import { type Collection, type QueryField, queryFields, searchableTexts } from '@ordermill/model'

/**
 * What Postgres searches, beside the table of records and fed in change order:
 * - `<collection>_search`: a row a record with every field that can be asked for; of a text only which one it is;
 * - `<collection>_texts`: each different text once, folded, a space before and behind each word, and its words;
 * - `<collection>_words`: each different word once.
 * Texts and words repeat a lot: what is slow with a text (misspelt, within a word, ranked) is done once for each different one.
 */
export const searchTable = (c: Collection): string => `${c.name}_search`
export const textsTable = (c: Collection): string => `${c.name}_texts`
export const wordsTable = (c: Collection): string => `${c.name}_words`

/** The name of the cursor, as of an alias. No namespace begins with a bracket. */
export const textsAlias = (c: Collection): string => `(postgres)${c.name}`

export interface SearchColumn {
  name: string
  type: string
  /** Whether an index finds and sorts by it. */
  indexed: boolean
}

// Values compare and sort by their bytes, as in the search engine.
const types: Record<QueryField['kind'], string> = {
  text: 'uuid',
  keyword: 'text COLLATE "C"',
  id: 'uuid',
  integer: 'integer',
  money: 'numeric(16,4)',
  time: 'timestamp with time zone',
}

/** Columns of the fields that can be asked for, besides `id`, `change_seq` and `deleted_at`. All may be null: a field that was added is, until it is fed. */
export function searchColumns(c: Collection): SearchColumn[] {
  const texts = searchableTexts(c)
  return [...queryFields(c)]
    .filter(([name, { kind }]) => name !== 'id' && (kind !== 'text' || texts.includes(name)))
    .map(([name, { kind }]) => ({ name, type: types[kind], indexed: name !== 'version' }))
}

/** Names the cursor: with other fields it is another one, and everything is fed again from the first change. */
export const searchKey = (c: Collection): string =>
  `${textsAlias(c)}-${hash('sha256', JSON.stringify(searchColumns(c))).slice(0, 8)}`

/**
 * What the index of a text carries besides: it narrows records down by far most often, and what else they are asked for and sorted by
 * is read there instead of in the table, a page of it a record. Nothing of open length: an entry of an index has less room than a row.
 */
const carriedKinds: QueryField['kind'][] = ['integer', 'money', 'time']
const carried = (c: Collection): string[] => {
  const fields = queryFields(c)
  return searchColumns(c)
    .filter(
      ({ name, indexed }) => name === 'status' || (indexed && carriedKinds.includes(fields.get(name)?.kind ?? 'text')),
    )
    .map(({ name }) => name)
}

const indexSql = (c: Collection, { name }: SearchColumn) => {
  const more = searchableTexts(c).includes(name) ? ` INCLUDE (${carried(c).join(', ')})` : ''
  return `CREATE INDEX ${searchTable(c)}_${name} ON ${searchTable(c)} (${name}, id)${more} WHERE deleted_at IS NULL;\n`
}

/** SQL that makes these tables. */
export function searchSql(c: Collection): string {
  const columns = searchColumns(c)
  const [search, texts] = [searchTable(c), textsTable(c)]
  const lines = [
    'id uuid PRIMARY KEY',
    'change_seq bigint NOT NULL',
    ...columns.map(({ name, type }) => `${name} ${type}`),
  ]
  // Texts are found at once, not after a vacuum: what waits to be indexed is read by every search.
  const dictionary = `CREATE TABLE ${texts} (
  id uuid PRIMARY KEY,
  folded text NOT NULL,
  words text[] NOT NULL
);
CREATE INDEX ${texts}_words ON ${texts} USING gin (words) WITH (gin_pending_list_limit = 256);
CREATE INDEX ${texts}_folded ON ${texts} USING gin (folded gin_trgm_ops) WITH (gin_pending_list_limit = 256);
CREATE TABLE ${wordsTable(c)} (
  word text COLLATE "C" PRIMARY KEY
);
`
  return `-- What is searched: a row a record, each different text once, each different word once. Fed in change order, off the way of the writes.
CREATE TABLE ${search} (
  ${[...lines, 'deleted_at timestamp with time zone'].join(',\n  ')}
);
${columns
  .filter(({ indexed }) => indexed)
  .map((one) => indexSql(c, one))
  .join('')}${searchableTexts(c).length === 0 ? '' : dictionary}`
}

/** SQL that takes them away. */
export const dropSearchSql = (c: Collection): string =>
  [searchTable(c), ...(searchableTexts(c).length === 0 ? [] : [textsTable(c), wordsTable(c)])]
    .map((name) => `DROP TABLE ${name};\n`)
    .join('')

/** SQL that adds the columns which the table of what is searched lacks, and SQL that takes them away again. */
export function addSearchColumnsSql(c: Collection, existing: string[]): { up: string; down: string } {
  const lacking = searchColumns(c).filter(({ name }) => !existing.includes(name))
  return {
    up: [
      ...lacking.map(({ name, type }) => `ALTER TABLE ${searchTable(c)} ADD COLUMN ${name} ${type};\n`),
      ...lacking.filter(({ indexed }) => indexed).map((one) => indexSql(c, one)),
    ].join(''),
    down: lacking.map(({ name }) => `ALTER TABLE ${searchTable(c)} DROP COLUMN ${name};\n`).join(''),
  }
}
