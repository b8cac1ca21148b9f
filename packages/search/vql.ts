import { type Collection, Invalid, type Query, type QueryField, queryFields, type Sort } from '@ordermill/model'
import { readWhere, type Scope } from './conditions.ts'
import { readFacets } from './facets.ts'
import { limits } from './limits.ts'
import { Faults, type Path, unknownName } from './members.ts'
import { pageMembers, readPaging } from './paging.ts'

/** A query as it was asked: the tree that the engines compile, and what of the hits is wanted. */
export interface Asked {
  query: Query
  columns: string[] | undefined
  /** Where to go on, as an answer said it; `true`: from the first page on, whatever is written meanwhile. */
  cursor: true | string | undefined
  /** Whether to show what was found in the texts. */
  highlight: boolean
}

/** In the order of the index that lists are read by. */
const newest: Sort[] = ['created_at', 'id'].map((field) => ({ field, descending: true }))
const members = ['where', 'order_by', 'select_columns', ...pageMembers, 'highlight', 'facets'] as const

/**
 * Reads a query in VQL and checks it against the collection.
 * @throws Invalid with every fault, each at its place
 */
export function readQuery(c: Collection, body: unknown): Asked {
  const faults = new Faults()
  const fields = queryFields(c)
  const sent = faults.object(body, [], members) ?? {}
  const { where, ranked } = readConditions(faults, fields, sent['where'])
  const asked = sent['order_by'] === undefined ? undefined : readSort(faults, fields, sent['order_by'])
  const sort = asked ?? (ranked ? [] : newest)
  const columns = sent['select_columns'] === undefined ? undefined : readColumns(faults, fields, sent['select_columns'])
  const { page, cursor } = readPaging(faults, fields, sort, sent)
  const query: Query = { where, sort, ...page }
  const highlight = faults.flag(sent['highlight'], ['highlight'])
  if (sent['facets'] !== undefined) query.facets = readFacets(faults, fields, sent['facets'])
  if (faults.list.length > 0) throw new Invalid(faults.list)
  return { query, columns, cursor, highlight }
}

/**
 * Reads what is to be counted: `where` alone.
 * @throws Invalid with every fault, each at its place
 */
export function readCount(c: Collection, body: unknown): Query {
  const faults = new Faults()
  const sent = faults.object(body, [], ['where']) ?? {}
  const { where } = readConditions(faults, queryFields(c), sent['where'])
  if (faults.list.length > 0) throw new Invalid(faults.list)
  return { where, sort: [], from: 0, size: 0, exact: true }
}

/** What records must be like, and whether they differ in relevance. */
function readConditions(faults: Faults, fields: Map<string, QueryField>, value: unknown) {
  const scope: Scope = { faults, fields, clauses: 0, expansions: 0, ranked: false }
  const where = readWhere(scope, value, ['where'], 0)
  if (scope.clauses > limits.clauses)
    faults.add(
      ['where'],
      'clauses',
      `must have no more than ${limits.clauses} conditions and groups, not ${scope.clauses}`,
    )
  if (scope.expansions > limits.expansions)
    faults.add(
      ['where'],
      'expansions',
      `must have no more than ${limits.expansions} words that are prefixes or fuzzy, not ${scope.expansions}`,
    )
  return { where, ranked: scope.ranked }
}

function readSort(faults: Faults, fields: Map<string, QueryField>, value: unknown): Sort[] | undefined {
  const list = faults.listOf(value, ['order_by'], limits.sorts)
  if (list === undefined) return undefined
  const known = [...fields].filter(([, { kind }]) => kind !== 'text').map(([name]) => name)
  const sorts: Sort[] = []
  for (const [at, one] of list.entries()) {
    const path: Path = ['order_by', at]
    const sent = faults.object(one, path, ['order_by', 'order_direction'])
    if (sent === undefined) continue
    const field = readField(faults, sent['order_by'], [...path, 'order_by'], known)
    const direction =
      sent['order_direction'] === undefined
        ? 'asc'
        : faults.word(sent['order_direction'], [...path, 'order_direction'], ['asc', 'desc'])
    if (field === undefined || direction === undefined) continue
    if (sorts.some((sort) => sort.field === field)) faults.add([...path, 'order_by'], 'twice', 'is named twice')
    sorts.push({ field, descending: direction === 'desc' })
  }
  return sorts
}

function readColumns(faults: Faults, fields: Map<string, QueryField>, value: unknown): string[] | undefined {
  const known = [...fields.keys()]
  const list = faults.listOf(value, ['select_columns'], known.length)
  return list?.flatMap((one, at) => readField(faults, one, ['select_columns', at], known) ?? [])
}

function readField(faults: Faults, value: unknown, path: Path, known: string[]): string | undefined {
  if (typeof value === 'string' && known.includes(value)) return value
  return faults.add(
    path,
    'unknown',
    typeof value === 'string' ? unknownName(value, known) : `must be one of ${known.join(', ')}`,
  )
}
