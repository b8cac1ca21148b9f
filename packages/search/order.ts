import type { estypes } from '@elastic/elasticsearch'
import { type Query, type QueryField, type Sort, type SortValue, sortKeys } from '@ordermill/model'
import { equalScore } from './compile.ts'
import { idFields, idHalves } from './folded.ts'

type Request = Pick<estypes.SearchRequest, 'sort' | 'search_after' | 'from'>

interface Hit {
  id: string
  score: number | null
}

/** How hits are ordered, where the page begins, and how to read what the engine says a hit was sorted by. */
export interface Order {
  request: Request
  /** What a hit scores, by what the engine says of it: where it need not say, all score the same. Null where scores mean nothing. */
  score(said: number | null | undefined): number | null
  /** The values as both engines give them: times as RFC 3339, null for what is absent. */
  sortValues(sort: unknown[], hit: Hit): SortValue[]
}

/**
 * What an absent number or time is taken for: further out than any that a record can hold, and exact in JSON. By itself the engine
 * gives values that it does not take back.
 */
const absent = 8.64e15
const absentOf = ({ descending }: Sort) => (descending ? -absent : absent)

export function compileOrder({ where, sort, from, after }: Query, fields: Map<string, QueryField>): Order {
  const equal = sort.length === 0 ? equalScore(where) : undefined
  const compiled =
    sort.length === 0
      ? [equal === undefined ? relevance : noRelevance, compileId(false)]
      : sortKeys(sort).map((key) => compileKey(key, fields.get(key.field)))
  const sorts = compiled.flatMap(({ request }) => request)
  const values = after?.flatMap((value, at) => compiled[at]?.toEngine(value) ?? [])
  return {
    request: {
      sort: sorts,
      ...(values === undefined ? { from } : { search_after: values as estypes.SortResults }),
    },
    score: (said) => equal ?? said ?? null,
    // A search in a snapshot says more than was asked.
    sortValues(said, hit) {
      let at = 0
      return compiled.map(({ request, fromEngine }) => {
        const value = fromEngine(said[at], hit)
        at += request.length
        return value
      })
    },
  }
}

/** What hits are sorted by, as the engine knows it: what is asked, and its values on the way there and back. */
interface Compiled {
  request: estypes.SortCombinations[]
  toEngine(value: SortValue): unknown[]
  fromEngine(value: unknown, hit: Hit): SortValue
}

const relevance: Compiled = {
  request: [{ _score: { order: 'desc' } }],
  toEngine: (value) => [value],
  fromEngine: (_, { score }) => score,
}
/**
 * Where all hits score alike the id alone orders them. The engine is not asked for the score: then it need not look at all that match,
 * which a word of every second record makes ten times cheaper.
 */
const noRelevance: Compiled = { ...relevance, request: [], toEngine: () => [] }

function compileKey(key: Sort, field: QueryField | undefined): Compiled {
  if (field?.kind === 'id') return compileId(key.descending)
  return {
    request: [{ [key.field]: compileSort(key, field) }],
    toEngine: (value) => [toEngine(key, field, value)],
    fromEngine: (value) => fromEngine(field, value),
  }
}

const compileId = (descending: boolean): Compiled => ({
  request: idFields.map((name) => ({ [name]: { order: descending ? 'desc' : 'asc', unmapped_type: 'long' } })),
  toEngine: (value) => idHalves(String(value)).map(String), // beyond what a number of JSON holds exactly
  fromEngine: (_, { id }) => id,
})

const isText = (field: QueryField | undefined) => field?.kind === 'keyword'

function compileSort(key: Sort, field: QueryField | undefined): estypes.FieldSort {
  return {
    order: key.descending ? 'desc' : 'asc',
    missing: field?.optional && !isText(field) ? absentOf(key) : '_last',
    ...(field?.kind === 'time' ? { format: 'epoch_millis' } : {}),
    ...(field?.kind === 'integer' && field.optional ? { numeric_type: 'long' as const } : {}),
  }
}

function toEngine(key: Sort, field: QueryField | undefined, value: SortValue): SortValue {
  if (isText(field)) return value
  if (value === null) return absentOf(key)
  return field?.kind === 'time' ? Date.parse(String(value)) : value
}

function fromEngine(field: QueryField | undefined, value: unknown): SortValue {
  if (value === null || value === undefined) return null
  if (isText(field)) return String(value)
  if (Math.abs(Number(value)) === absent) return null
  return field?.kind === 'time' ? new Date(Number(value)).toISOString() : Number(value)
}
