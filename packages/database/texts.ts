import { hash } from 'node:crypto'
import { type Collection, foldText, searchableTexts } from '@ordermill/model'
import type { Session } from './database.ts'
import { searchColumns, searchKey, searchTable, textsAlias, textsTable, wordsTable } from './search-tables.ts'

/** What Postgres searches: fed in change order beside the search engine's index. */
export interface TextIndex {
  /** Under which key and name its cursor stands: with other fields it is another, and filled from the first change. */
  ensure(): Promise<{ uuid: string; name: string; alias: string }>
  /** Writes over the same change and older ones. */
  write(documents: { id: string; change_seq: number; text: string }[]): Promise<{ outcome: 'done' }[]>
}

/** A folded text as it is stored: each word has a space before and behind it. */
const padded = (text: string) => ` ${foldText(text)} `

/** Which text it is: the same for the same words, everywhere. A UUID of 128 bits of its SHA-256. */
const textId = (folded: string): string => hash('sha256', folded).slice(0, 32)

/** Texts whose ids are known: a name is folded once, however many orders have it. */
const knownMax = 10_000

export function createTextIndex(session: Session, c: Collection): TextIndex {
  const texts = searchableTexts(c)
  const columns = searchColumns(c)
  const names = ['id', 'change_seq', ...columns.map(({ name }) => name), 'deleted_at']
  const types = ['uuid', 'bigint', ...columns.map(({ type }) => type.replace(' COLLATE "C"', '')), 'timestamptz']
  const [search, dictionary] = [searchTable(c), textsTable(c)]
  const recordset = `json_to_recordset($1::json) AS r(${names.map((name, at) => `${name} ${types[at]}`).join(', ')})`
  const set = names.slice(1).map((name) => `${name} = excluded.${name}`)
  const searchSql = `INSERT INTO ${search} (${names.join(', ')}) SELECT ${names.map((name) => `r.${name}`).join(', ')} FROM ${recordset}
    ON CONFLICT (id) DO UPDATE SET ${set.join(', ')} WHERE ${search}.change_seq <= excluded.change_seq`
  // What is there already is looked for first: far cheaper than a conflict, and almost all of it is.
  const textsSql = `WITH given AS (SELECT g.id, g.folded, string_to_array(btrim(g.folded), ' ') AS words
        FROM unnest($2::uuid[], $3::text[]) AS g(id, folded) WHERE NOT EXISTS (SELECT FROM ${dictionary} d WHERE d.id = g.id)),
      added AS (INSERT INTO ${dictionary} (id, folded, words) SELECT * FROM given ON CONFLICT DO NOTHING),
      words AS (INSERT INTO ${wordsTable(c)} SELECT DISTINCT word FROM given, unnest(given.words) AS w(word) WHERE word <> '' ON CONFLICT DO NOTHING)
    ${searchSql}`
  const key = searchKey(c)
  const known = new Map<string, { id: string; folded: string }>()
  const fold = (text: string) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const folded = padded(text)
    const made = { id: textId(folded), folded }
    if (known.size >= knownMax) known.clear()
    known.set(text, made)
    return made
  }

  return {
    ensure: async () => ({ uuid: key, name: key, alias: textsAlias(c) }),
    async write(documents) {
      const used = new Map<string, string>()
      const rows = documents.map(({ id, change_seq, text }) => {
        const record = JSON.parse(text) as Record<string, unknown>
        for (const name of texts) {
          if (typeof record[name] !== 'string') continue
          const folded = fold(record[name])
          used.set(folded.id, folded.folded)
          record[name] = folded.id
        }
        return { ...record, id, change_seq }
      })
      const values = [JSON.stringify(rows)]
      if (texts.length === 0) await session.query({ name: `${c.name}-search-feed`, text: searchSql, values })
      else
        await session.query({
          name: `${c.name}-search-feed`,
          text: textsSql,
          values: [...values, [...used.keys()], [...used.values()]],
        })
      return documents.map(() => ({ outcome: 'done' }))
    },
  }
}
