import type { estypes } from '@elastic/elasticsearch'
import { type Query, type QueryField, type Sort, type SortValue, sortKeys } from '@ordermill/model'

type Request = Pick<estypes.SearchRequest, 'sort' | 'search_after' | 'from'>

/** How hits are ordered, where the page begins, and how to read what the engine says each hit was sorted by. */
export interface Order {
  request: Request
  /** The values as both engines give them: times as RFC 3339, null for what is absent. */
  sortValues(sort: unknown[]): SortValue[]
}

/**
 * What an absent number or time is taken for: further out than any that a record can hold, and exact in JSON. By itself the engine
 * gives values that it does not take back.
 */
const absent = 8.64e15
const absentOf = ({ descending }: Sort) => (descending ? -absent : absent)

export function compileOrder({ sort, from, after }: Query, fields: Map<string, QueryField>): Order {
  if (sort.length === 0)
    return {
      request: { sort: [{ _score: { order: 'desc' } }, { id: 'asc' }], ...start(from, after) },
      sortValues: (values) => values.slice(0, 2) as SortValue[],
    }
  const keys = sortKeys(sort).map((key) => ({ key, field: fields.get(key.field) }))
  return {
    request: {
      sort: keys.map(({ key, field }) => ({ [key.field]: compileSort(key, field) })),
      ...start(
        from,
        after?.map((value, at) => toEngine(keys[at]?.key, keys[at]?.field, value)),
      ),
    },
    // A search in a snapshot says more than was asked.
    sortValues: (values) => keys.map(({ field }, at) => fromEngine(field, values[at])),
  }
}

const start = (from: number, after: SortValue[] | undefined): Request =>
  after === undefined ? { from } : { search_after: after as estypes.SortResults }

const isText = (field: QueryField | undefined) => field?.kind === 'keyword' || field?.kind === 'id'

function compileSort(key: Sort, field: QueryField | undefined): estypes.FieldSort {
  return {
    order: key.descending ? 'desc' : 'asc',
    missing: field?.optional && !isText(field) ? absentOf(key) : '_last',
    ...(field?.kind === 'time' ? { format: 'epoch_millis' } : {}),
    ...(field?.kind === 'integer' && field.optional ? { numeric_type: 'long' as const } : {}),
  }
}

function toEngine(key: Sort | undefined, field: QueryField | undefined, value: SortValue): SortValue {
  if (isText(field) || key === undefined) return value
  if (value === null) return absentOf(key)
  return field?.kind === 'time' ? Date.parse(String(value)) : value
}

function fromEngine(field: QueryField | undefined, value: unknown): SortValue {
  if (value === null || value === undefined) return null
  if (isText(field)) return String(value)
  if (Math.abs(Number(value)) === absent) return null
  return field?.kind === 'time' ? new Date(Number(value)).toISOString() : Number(value)
}
