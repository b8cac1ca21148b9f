import type { Collection, Field, Version } from '@ordermill/model'
import { columnsOf } from './columns.ts'
import type { Session } from './database.ts'

/** Puts rows of a collection's table where there are none yet. */
export interface Inserting {
  /** Gives the ids of the rows that it inserted; of all others there is a row already. */
  insert(session: Session, versions: Version[]): Promise<Set<string>>
  /**
   * What `copy` reads of these versions; nothing if one of them would not be what it is where it is inserted: half of a surrogate pair would
   * be another character in UTF-8, and of numbers the spelling would be lost.
   */
  copied(versions: Version[]): string | undefined
  /**
   * Inserts many that are thought to be new, by COPY, in two thirds of the time. If there is a row of one of them already, all fail.
   * @throws BadData `sql-23505`
   */
  copy(session: Session, input: string): Promise<void>
}

/** A number that is not spelled as JSON.stringify does: 1.0, 1e3, or more digits than a double holds. */
const oddNumber = /:\s*-?\d+(?:\.\d*0|(?:\.\d+)?[eE][-+]?\d+|[\d.]{16,})\s*[,}]/

export function createInserting(c: Collection): Inserting {
  const columns = columnsOf(c)
  const names = columns.map(({ name }) => name)
  const insertSql = `INSERT INTO ${c.name} (${names.join(', ')}) SELECT ${names.map((name) => givenOf(c, name)).join(', ')} FROM ${recordset(c, 'r')} ON CONFLICT (id) DO NOTHING RETURNING id`
  const copySql = `COPY ${c.name} (${names.join(', ')}) FROM STDIN`
  const fallbacks = new Map(c.fieldNames.map((name) => [name, (c.fields[name] as Field).fallback]))

  /** A row as COPY reads it. (PostgreSQL, COPY, "Text Format".) */
  const lineOf = ({ text, hash, parent, keys }: Version): string => {
    const record = JSON.parse(text) as Record<string, string | number | null | undefined>
    record['hash'] = hash
    record['parent'] = parent
    record['keys'] = keys.length === 0 ? null : JSON.stringify(keys)
    let line = ''
    for (const [at, name] of names.entries()) {
      const fallback = fallbacks.get(name)
      const value = record[name] ?? (fallback === 'accepted' ? record['created_at'] : fallback)
      if (at > 0) line += '\t'
      line += value == null ? '\\N' : typeof value === 'string' ? escaped(value) : String(value)
    }
    return line
  }

  return {
    async insert(session, versions) {
      if (versions.length === 0) return new Set()
      const statement = { name: `${c.name}-insert`, text: insertSql, values: [rowsText(versions)] }
      const rows = await session.query<{ id: string }>(statement)
      return new Set(rows.map(({ id }) => id))
    },
    copied(versions) {
      if (versions.some(({ text }) => oddNumber.test(text))) return undefined
      const input = `${versions.map(lineOf).join('\n')}\n`
      return input.isWellFormed() ? input : undefined
    },
    copy: (session, input) => session.query({ text: copySql, input }).then(() => undefined),
  }
}

/** Rows out of one JSON parameter. `alias` is the name of a row. */
export const recordset = (c: Collection, alias: string): string =>
  `json_to_recordset($1::json) AS ${alias}(${columnsOf(c)
    .map(({ name, type }) => `${name} ${type}`)
    .join(', ')})`

/** SQL of a column's value of such a row `r`: a record that was made before a field was added takes the default that its column has. */
export function givenOf(c: Collection, name: string): string {
  const fallback = columnsOf(c).find((column) => column.name === name)?.fallback
  return fallback === undefined
    ? `r.${name}`
    : `coalesce(r.${name}, ${fallback === 'now()' ? 'r.created_at' : fallback})`
}

/** One JSON parameter for a batch: the texts as they are, with what identifies each spliced in. Cheaper than any array of rows. */
export const rowsText = (versions: Version[]): string =>
  `[${versions.map((v) => `{"hash":"${v.hash}","parent":${v.parent === null ? 'null' : `"${v.parent}"`},"keys":${keysText(v)},${v.text.slice(1)}`).join()}]`

/** The keys of a version as JSON. */
export const keysText = ({ keys }: Version): string => (keys.length === 0 ? 'null' : JSON.stringify(keys))

const special = /[\\\n\r\t]/
const letters: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const escaped = (text: string): string =>
  special.test(text) ? text.replaceAll(/[\\\n\r\t]/g, (character) => letters[character] ?? '') : text
