import { type Collection, hashOf, newId, type Version } from '@ordermill/model'
import type { Session } from './database.ts'
import { rowTypes, selectList, versionOf } from './rows.ts'

/** How many of the newest rows a probe chooses among: one that is odd in itself does not stand in its way for ever. */
const newestMax = 20

/**
 * Records to probe with: a copy of one of the newest rows, which suits every rule that was added to the table by hand, and one made
 * of the examples of the fields, for a table that is empty or whose rows are unique in something.
 */
export async function samplesOf(session: Session, c: Collection): Promise<Record<string, unknown>[]> {
  const list = selectList(c)
  const rows = await session.query({
    text: `SELECT ${list} FROM (SELECT ${list} FROM ${c.name} WHERE deleted_at IS NULL ORDER BY change_seq DESC LIMIT ${newestMax}) AS newest
      ORDER BY random() LIMIT 1`,
    types: rowTypes,
  })
  const copies = rows.map((row) => JSON.parse(versionOf(c, row).text) as Record<string, unknown>)
  return [...copies, exampleOf(c)]
}

/** Three versions of a record that nobody has, so that every statement of the persister has something to do. */
export function chainFrom(sample: Record<string, unknown>): [Version, Version, Version] {
  const id = newId()
  const versionOn = (version: number, parent: string | null): Version => {
    const text = JSON.stringify({ ...sample, id, version })
    return { id, version, hash: hashOf(text, parent), parent, text, deleted: false, keys: [] }
  }
  const first = versionOn(1, null)
  const second = versionOn(2, first.hash)
  return [first, second, versionOn(3, second.hash)]
}

function exampleOf(c: Collection): Record<string, unknown> {
  const now = new Date().toISOString()
  const ofKind = { text: 'probe', keyword: 'probe', integer: 1, money: 1, time: now }
  const fields = Object.entries(c.fields).map(([name, { kind, input, optional }]) => {
    const { examples } = input as { examples?: unknown[] }
    return [name, optional ? null : (examples?.[0] ?? ofKind[kind])]
  })
  return { status: c.status.first, ...Object.fromEntries(fields), created_at: now, updated_at: now }
}
