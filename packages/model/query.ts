import type { Collection } from './collection.ts'
import type { Counted, Facet } from './facets.ts'
import type { SearchKind } from './fields.ts'

/** exact: the words as a phrase. shuffle: the words anywhere. substring: these characters. prefix: beginnings of words. */
export type TextSearch = 'exact' | 'shuffle' | 'substring' | 'prefix'

/** A text that a field must hold. */
export interface TextCondition {
  kind: 'text'
  field: string
  how: TextSearch
  /** Folded, one at least. */
  words: string[]
  /** exact: how many other words may stand between them, taken together. */
  slop: number
  /** shuffle and prefix: whether one of the words is enough. */
  any: boolean
  /** shuffle: whether words may be misspelt. */
  fuzzy: boolean
  /** How much a match says about relevance; 1 if absent. */
  boost?: number
}
/** One of these values, compared whole. */
export interface EqualCondition {
  kind: 'equal'
  field: string
  values: string[]
  boost?: number
}
/** Times are RFC 3339 in UTC to the millisecond. */
export interface RangeCondition {
  kind: 'range'
  field: string
  gte?: number | string
  gt?: number | string
  lte?: number | string
  lt?: number | string
}
/** What a record must be like. `all` of nothing is true. */
export type Condition =
  | { kind: 'all' | 'any'; of: Condition[] }
  | { kind: 'not'; of: Condition }
  | TextCondition
  | EqualCondition
  | RangeCondition

export interface Sort {
  field: string
  descending: boolean
}
/** What hits are sorted by in the end: what was asked for, then the id. */
export const sortKeys = (sort: Sort[]): Sort[] =>
  sort.some(({ field }) => field === 'id') ? sort : [...sort, { field: 'id', descending: false }]

/** The values that a hit was sorted by, as an answer gives them: times as RFC 3339. */
export type SortValue = string | number | null

/** What is looked for, in which order, and which part of it. Both engines compile this, and nothing else. */
export interface Query {
  where: Condition
  /** Empty: by relevance. The id breaks ties in either case, so that pages neither repeat nor skip. */
  sort: Sort[]
  from: number
  size: number
  /** Only what comes after a hit with these sort values: one for each of `sortKeys`; by relevance score and id. */
  after?: SortValue[]
  /** What to count of all that match. */
  facets?: Facet[]
  /** Whether the total is exact however many there are. */
  exact?: boolean
}

/** One page of hits, in order. */
export interface Found {
  hits: { id: string; score: number | null; sort: SortValue[] }[]
  total: { value: number; relation: 'eq' | 'gte' }
  /** One for each facet, in their order. */
  facets?: Counted[]
}

/** Totals are exact up to this, unless asked otherwise; deeper than this nobody pages. */
export const foundMax = 10_000

export type QueryKind = 'text' | 'keyword' | 'id' | 'integer' | 'money' | 'time'
/** A field as queries know it. */
export interface QueryField {
  kind: QueryKind
  search: SearchKind[]
  /** May be absent. */
  optional: boolean
  /** Whether its values are few enough to be listed. */
  facet: boolean
}

/** Every field of a collection that can be asked for, those that every record has included. */
export function queryFields(c: Collection): Map<string, QueryField> {
  const plain = (kind: QueryKind): QueryField => ({ kind, search: [], optional: false, facet: false })
  return new Map([
    ['id', plain('id')],
    ['version', plain('integer')],
    ['status', { ...plain('keyword'), facet: true }],
    ...Object.entries(c.fields).map(([name, { kind, search, optional, facet }]): [string, QueryField] => [
      name,
      { kind, search, optional, facet },
    ]),
    ['created_at', plain('time')],
    ['updated_at', plain('time')],
  ])
}

/** The text fields of a collection that can be searched. */
export const searchableTexts = (c: Collection): string[] =>
  c.fieldNames.filter((name) => (c.fields[name]?.search.length ?? 0) > 0)

/** How many letters of a word may be wrong, added or missing: none up to 2 letters, one up to 5, two beyond. The first must be right. */
export function editsOf(word: string): 0 | 1 | 2 {
  const { length } = [...word]
  return length < 3 ? 0 : length < 6 ? 1 : 2
}
