import { type Collection, foldText, searchableTexts } from '@ordermill/model'
import type { Session } from './database.ts'

/** The texts of a collection as search compares them, in Postgres: fed in change order beside the search engine's index. */
export interface TextIndex {
  /** Under which key and name its cursor stands: with other fields it is another, and filled from the first change. */
  ensure(): Promise<{ uuid: string; name: string }>
  /** Writes texts over the same change and older ones. */
  write(documents: { id: string; change_seq: number; text: string }[]): Promise<{ outcome: 'done' }[]>
}

/** The table that holds the texts of a collection. */
export const textsTable = (c: Collection): string => `${c.name}_texts`

/** The name of its cursor, as of an alias. No namespace begins with a bracket. */
export const textsAlias = (c: Collection): string => `(postgres)${c.name}`

/** A folded text as it is stored: each word has a space before and behind it. */
const padded = (text: string) => ` ${foldText(text)} `

export function createTextIndex(session: Session, c: Collection): TextIndex {
  const names = searchableTexts(c)
  const table = textsTable(c)
  const columns = ['id uuid', 'change_seq bigint', ...names.map((name) => `${name} text`)]
  const set = ['change_seq', ...names].map((name) => `${name} = excluded.${name}`)
  const sql = `INSERT INTO ${table} (id, change_seq${names.map((name) => `, ${name}`).join('')})
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(${columns.join(', ')})
    ON CONFLICT (id) DO UPDATE SET ${set.join(', ')} WHERE ${table}.change_seq < excluded.change_seq`
  const key = `${textsAlias(c)}-${names.join('-')}`
  return {
    ensure: async () => ({ uuid: key, name: key }),
    async write(documents) {
      const rows = documents.map(({ id, change_seq, text }) => {
        const record = JSON.parse(text) as Record<string, unknown>
        const texts = names.map((name) => [name, typeof record[name] === 'string' ? padded(record[name]) : null])
        return { id, change_seq, ...Object.fromEntries(texts) }
      })
      if (names.length > 0) await session.query({ name: `${c.name}-texts`, text: sql, values: [JSON.stringify(rows)] })
      return documents.map(() => ({ outcome: 'done' }))
    },
  }
}
