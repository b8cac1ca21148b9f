import {
  type Collection,
  type Condition,
  type Query,
  type QueryField,
  queryFields,
  type Sort,
  sortKeys,
} from '@ordermill/model'
import { byField, textField } from './query-tree.ts'
import { textsTable } from './search-tables.ts'
import { type Bind, type Expansions, textSql } from './text-sql.ts'

/** What conditions become SQL with. Rows are `t`. */
export interface Scope {
  collection: Collection
  fields: Map<string, QueryField>
  expansions: Expansions
  bind: Bind
}

export const scopeOf = (collection: Collection, expansions: Expansions, bind: Bind): Scope => ({
  collection,
  fields: queryFields(collection),
  expansions,
  bind,
})

const rowOf = (field: string) => `t.${field}`

/** A condition as SQL over rows. Names of fields are the collection's; values are bound. */
export function conditionSql(scope: Scope, one: Condition): string {
  const { collection, fields, expansions, bind } = scope
  const field = textField(one)
  if (field !== undefined)
    return `${rowOf(field)} IN (SELECT d.id FROM ${textsTable(collection)} d WHERE ${textSql(one, expansions, bind)})`
  switch (one.kind) {
    case 'all':
    case 'any': {
      if (one.of.length === 0) return one.kind === 'all' ? 'true' : 'false'
      const parts = byField(one.kind, one.of).map((part) => conditionSql(scope, part))
      return `(${parts.join(one.kind === 'all' ? ' AND ' : ' OR ')})`
    }
    case 'not':
      return `NOT coalesce(${conditionSql(scope, one.of)}, false)`
    case 'equal': {
      const type = fields.get(one.field)?.kind === 'id' ? 'uuid' : 'text'
      const [only] = one.values
      // With one value the rows come in the order of an index on it and the id.
      if (one.values.length === 1) return `${rowOf(one.field)} = ${bind(only)}::${type}`
      return `${rowOf(one.field)} = ANY(${bind(one.values)}::${type}[])`
    }
    case 'range': {
      const type = columnTypes[fields.get(one.field)?.kind ?? 'text'] ?? 'text'
      const { kind: _, field: name, ...bounds } = one
      const parts = Object.entries(bounds).map(
        ([bound, value]) => `${rowOf(name)} ${operators[bound as keyof typeof operators]} ${bind(value)}::${type}`,
      )
      return `(${parts.join(' AND ')})`
    }
    case 'text':
      throw new Error('a text is about one text')
  }
}

const columnTypes: Partial<Record<QueryField['kind'], string>> = {
  id: 'uuid',
  integer: 'integer',
  money: 'numeric',
  time: 'timestamptz',
}
const operators = { gte: '>=', gt: '>', lte: '<=', lt: '<' }

/** What rows are ordered by, and what an answer says of it. Texts go by their bytes, as in the search engine. */
export function orderSql(
  { sort, after }: Pick<Query, 'sort' | 'after'>,
  { fields, bind }: Scope,
): { order: string; values: string; after: string | undefined } {
  const keys = sortKeys(sort)
  // An index in this very order is used only if nothing is said of nulls where there are none.
  const direction = ({ field, descending }: Sort) =>
    `${column(field, fields)}${descending ? ' DESC' : ''}${fields.get(field)?.optional ? ' NULLS LAST' : ''}`
  const shown = ({ field }: Sort) => (fields.get(field)?.kind === 'time' ? `iso(${rowOf(field)})` : rowOf(field))
  return {
    order: keys.map(direction).join(', '),
    values: `jsonb_build_array(${keys.map(shown).join(', ')})`,
    after: after === undefined ? undefined : compileAfter(keys, after, fields, bind),
  }
}

const column = (field: string, fields: Map<string, QueryField>) =>
  fields.get(field)?.kind === 'keyword' ? `${rowOf(field)} COLLATE "C"` : rowOf(field)

/** Rows after a position: equal in the first keys and after it in the next. What is absent comes last. */
function compileAfter(keys: Sort[], after: unknown[], fields: Map<string, QueryField>, bind: Bind): string {
  const equals: string[] = []
  const ways = keys.map(({ field, descending }, at) => {
    const name = column(field, fields)
    const value = after[at] ?? null
    const optional = fields.get(field)?.optional ?? false
    const bound = value === null ? '' : `${bind(value)}::${columnTypes[fields.get(field)?.kind ?? 'text'] ?? 'text'}`
    const beyond =
      value === null ? 'false' : `(${name} ${descending ? '<' : '>'} ${bound}${optional ? ` OR ${name} IS NULL` : ''})`
    const way = [...equals, beyond].join(' AND ')
    equals.push(value === null ? `${name} IS NULL` : `${name} = ${bound}`)
    // From where the first key stands an index can go on: the alternatives alone would be looked for from its beginning.
    const from = at === 0 && value !== null && !optional ? `${name} ${descending ? '<=' : '>='} ${bound}` : undefined
    return { way: `(${way})`, from }
  })
  const from = ways[0]?.from
  return `${from === undefined ? '' : `${from} AND `}(${ways.map(({ way }) => way).join(' OR ')})`
}
