import { type QueryField, type Sort, type SortValue, sortKeys } from '@ordermill/model'
import type { Faults } from './members.ts'
import { readBound, readEqual } from './values.ts'

const path = ['search_after']

/** The sort values of a hit as an answer gave them: one for each sort, and the id. */
export function readSortValues(
  faults: Faults,
  fields: Map<string, QueryField>,
  sort: Sort[],
  value: unknown,
): SortValue[] | undefined {
  if (sort.length === 0) return faults.add(path, 'order', 'needs order_by: by relevance hits are read on with cursor')
  const names = sortKeys(sort).map(({ field }) => field)
  if (!Array.isArray(value) || value.length !== names.length)
    return faults.add(path, 'length', `must be the sort values of a hit: ${names.join(', ')}`)
  return names.map((name, at) => {
    const given: unknown = value[at]
    const field = fields.get(name)
    if (field === undefined) return null
    if (given === null && name === 'id') return faults.add([...path, at], 'type', 'must be the id of the hit') ?? null
    if (given === null && field.optional) return null
    const isText = field.kind === 'keyword' || field.kind === 'id'
    return (isText ? readEqual : readBound)(faults, field, given, [...path, at]) ?? null
  })
}
