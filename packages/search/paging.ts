import { foundMax, type Query, type QueryField, type Sort } from '@ordermill/model'
import { limits } from './limits.ts'
import type { Faults, Json } from './members.ts'
import { readSortValues } from './sort-values.ts'

/** What says where a page begins, and how long it is. */
export const pageMembers = ['page', 'limit', 'search_after', 'cursor'] as const

/** Longer than any that is given out: a snapshot's name grows with the shards of its index. */
const cursorMax = 8_000

/** Where a page begins: at a place, after sort values, or where a cursor says; `true`: a cursor is wanted that reads from a snapshot. */
export interface Paging {
  page: Pick<Query, 'from' | 'size' | 'after'>
  cursor: true | string | undefined
}

export function readPaging(faults: Faults, fields: Map<string, QueryField>, sort: Sort[], sent: Json): Paging {
  const page = faults.whole(sent['page'], ['page'], { min: 1, max: foundMax, otherwise: 1 })
  const size = faults.whole(sent['limit'], ['limit'], { min: 1, max: limits.size, otherwise: 25 })
  if (page * size > foundMax)
    faults.add(['page'], 'depth', `times limit must not be above ${foundMax}: go on with cursor, or with search_after`)
  const { search_after, cursor } = sent
  if (page > 1)
    for (const other of ['search_after', 'cursor'])
      if (sent[other] !== undefined) faults.add(['page'], 'page', `must be 1 or absent beside ${other}`)
  if (search_after !== undefined && cursor !== undefined)
    faults.add(['cursor'], 'cursor', 'says itself where to go on: it cannot stand beside search_after')
  const isCursor = typeof cursor === 'string' && cursor.length <= cursorMax
  if (cursor !== undefined && cursor !== true && !isCursor)
    faults.add(['cursor'], 'cursor', 'must be a next_cursor as an answer gave it, or true on the first page')
  const after = search_after === undefined ? undefined : readSortValues(faults, fields, sort, search_after)
  return {
    page: { from: (page - 1) * size, size, ...(after && { after }) },
    cursor: cursor === true || isCursor ? cursor : undefined,
  }
}
