import {
  type Condition,
  editsOf,
  type Query,
  type QueryField,
  type Sort,
  sortKeys,
  type TextCondition,
} from '@ordermill/model'

/** What a statement is given besides its text: everything that anybody typed. */
export type Bind = (value: unknown) => string

interface Compiled {
  where: string
  /** How well a row fits; 0 where nothing is ranked. */
  score: string
  /** Whether the texts are needed. */
  texts: boolean
}

/** Rows are `t`, their folded texts `x`. */
const rowOf = (field: string) => `t.${field}`
const textOf = (field: string) => `x.${field}`

/**
 * A condition as SQL. Names of fields are the collection's; values are bound. Words are letters and digits alone, so that none
 * means anything in a pattern.
 */
export function compileWhere(
  condition: Condition,
  fields: Map<string, QueryField>,
  bind: Bind,
  { scored }: { scored: boolean },
): Compiled {
  const scores: string[] = []
  let texts = false
  const compile = (one: Condition, ranked: boolean): string => {
    switch (one.kind) {
      case 'all':
      case 'any': {
        if (one.of.length === 0) return one.kind === 'all' ? 'true' : 'false'
        return `(${one.of.map((part) => compile(part, ranked)).join(one.kind === 'all' ? ' AND ' : ' OR ')})`
      }
      case 'not':
        return `NOT coalesce(${compile(one.of, false)}, false)`
      case 'equal': {
        const type = fields.get(one.field)?.kind === 'id' ? 'uuid' : 'text'
        const sql = `${rowOf(one.field)} = ANY(${bind(one.values)}::${type}[])`
        if (ranked && one.boost !== undefined)
          scores.push(`CASE WHEN ${sql} THEN ${bind(one.boost)}::float8 ELSE 0 END`)
        return sql
      }
      case 'range': {
        const type = columnTypes[fields.get(one.field)?.kind ?? 'text'] ?? 'text'
        const { kind: _, field, ...bounds } = one
        const parts = Object.entries(bounds).map(
          ([bound, value]) => `${rowOf(field)} ${operators[bound as keyof typeof operators]} ${bind(value)}::${type}`,
        )
        return `(${parts.join(' AND ')})`
      }
      case 'text': {
        texts = true
        const sql = `(${compileText(one, bind)})`
        const { length } = one.words.join(' ')
        if (ranked)
          scores.push(
            `CASE WHEN ${sql} THEN ${bind((one.boost ?? 1) * length)}::float8 / length(${textOf(one.field)}) ELSE 0 END`,
          )
        return sql
      }
    }
  }
  const where = compile(condition, scored)
  return { where, score: scores.length === 0 ? '0::float8' : scores.join(' + '), texts }
}

const columnTypes: Partial<Record<QueryField['kind'], string>> = {
  id: 'uuid',
  integer: 'integer',
  money: 'numeric',
  time: 'timestamptz',
}
const operators = { gte: '>=', gt: '>', lte: '<=', lt: '<' }

function compileText({ field, how, words, slop, any, fuzzy }: TextCondition, bind: Bind): string {
  const text = textOf(field)
  const like = (pattern: string) => `${text} LIKE ${bind(pattern)}`
  const each = (one: (word: string) => string) => words.map(one).join(any ? ' OR ' : ' AND ')
  const phrase = words.join(' ')
  switch (how) {
    case 'exact':
      if (slop === 0 || words.length === 1) return like(`% ${phrase} %`)
      return `${words.map((word) => like(`% ${word} %`)).join(' AND ')} AND phrase_within(${text}, ${bind(words)}::text[], ${bind(slop)}::integer)`
    case 'substring':
      return like(`%${phrase}%`)
    case 'prefix':
      return each((word) => like(`% ${word}%`))
    case 'shuffle':
      return each((word) => (fuzzy ? misspelt(text, word, bind) : like(`% ${word} %`)))
  }
}

function misspelt(text: string, word: string, bind: Bind): string {
  const edits = editsOf(word)
  if (edits === 0) return `${text} LIKE ${bind(`% ${word} %`)}`
  const [first = ''] = word
  return `(${text} LIKE ${bind(`% ${first}%`)} AND word_near(${text}, ${bind(word)}::text, ${bind(edits)}::integer))`
}

/** What rows are ordered by, and what an answer says of it. Texts go by their bytes, as in the search engine. */
export function compileOrder(
  { sort, after }: Pick<Query, 'sort' | 'after'>,
  fields: Map<string, QueryField>,
  bind: Bind,
): { order: string; values: string; after: string | undefined } {
  if (sort.length === 0)
    return { order: 'score DESC, t.id', values: 'jsonb_build_array(score, t.id)', after: undefined }
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
    const bound = value === null ? '' : `${bind(value)}::${columnTypes[fields.get(field)?.kind ?? 'text'] ?? 'text'}`
    const beyond = value === null ? 'false' : `(${name} ${descending ? '<' : '>'} ${bound} OR ${name} IS NULL)`
    const way = [...equals, beyond].join(' AND ')
    equals.push(value === null ? `${name} IS NULL` : `${name} = ${bound}`)
    return `(${way})`
  })
  return `(${ways.join(' OR ')})`
}
