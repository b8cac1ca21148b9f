import { type Collection, queryFields } from '@ordermill/model'
import { limits } from '@ordermill/search'
import Type, { type TSchema } from 'typebox'
import { exampleOf } from './examples.ts'
import { facetCountsSchema, facetsExample, facetsSchema } from './facet-schema.ts'
import { lagSchema, named, nameOf, recordSchema } from './schemas.ts'

const closed = { additionalProperties: false }
const maybe = (members: Record<string, TSchema>) =>
  Object.fromEntries(Object.entries(members).map(([name, schema]) => [name, Type.Optional(schema)]))
const both = (schema: TSchema) => Type.Object(maybe({ must: schema, must_not: schema }), closed)

/** What records must be like. Rules that this cannot say are checked where a query is read. */
export function whereSchema(c: Collection): TSchema {
  const fields = [...queryFields(c)]
  const names = (kinds: string[]) => fields.filter(([, { kind }]) => kinds.includes(kind)).map(([name]) => name)
  const texts = fields.filter(([, { search }]) => search.length > 0).map(([name]) => name)
  const text = Type.Object(
    {
      filter_key: Type.Enum(texts),
      text_value: Type.String({ minLength: 1, maxLength: limits.characters, examples: ['jumbo bag'] }),
      search_type: Type.Optional(Type.Enum(['exact', 'shuffle', 'substring', 'prefix'], { default: 'shuffle' })),
      slop: Type.Optional(
        Type.Integer({ minimum: 0, maximum: limits.slop, default: 0, description: 'exact: words between, in all.' }),
      ),
      operator: Type.Optional(Type.Enum(['and', 'or'], { default: 'and', description: 'Of shuffle and prefix.' })),
      fuzzy: Type.Optional(Type.Boolean({ default: false, description: 'shuffle: words may be misspelt.' })),
    },
    closed,
  )
  const value = Type.String({ minLength: 1, maxLength: 255 })
  const values = Type.Union([value, Type.Array(value, { minItems: 1, maxItems: limits.values })])
  const each = (kinds: string[], schema: TSchema) =>
    Type.Object(maybe(Object.fromEntries(names(kinds).map((name) => [name, schema]))), { ...closed, minProperties: 1 })
  const range = (bound: TSchema) =>
    Type.Object(maybe({ gte: bound, gt: bound, lte: bound, lt: bound }), { ...closed, minProperties: 1 })
  const time = Type.String({ description: 'RFC 3339, or a day: its first moment in UTC.', examples: ['2026-01-01'] })
  const ranges = Type.Object(
    maybe({
      ...Object.fromEntries(names(['integer', 'money']).map((name) => [name, range(Type.Number({ examples: [10] }))])),
      ...Object.fromEntries(names(['time']).map((name) => [name, range(time)])),
    }),
    { ...closed, minProperties: 1 },
  )
  const group = {
    text_matches: both(Type.Array(text, { minItems: 1 })),
    keyword_match: both(each(['keyword', 'id'], values)),
    range_query: both(ranges),
  }
  const any_of = Type.Array(Type.Object({}, { description: 'A group of conditions like `where`.' }), { minItems: 1 })
  const where = Type.Object(maybe({ ...group, any_of }), { ...closed, description: 'All of it must hold.' })
  return named(nameOf(c, 'Where'), where)
}

/** What the route of queries takes. */
export function querySchema(c: Collection): TSchema {
  const fields = [...queryFields(c)]
  const sortable = fields.filter(([, { kind }]) => kind !== 'text').map(([name]) => name)
  const order = Type.Object(
    { order_by: Type.Enum(sortable), order_direction: Type.Optional(Type.Enum(['asc', 'desc'], { default: 'asc' })) },
    closed,
  )
  return named(
    nameOf(c, 'Query'),
    Type.Object(
      maybe({
        where: whereSchema(c),
        order_by: Type.Array(order, { minItems: 1, maxItems: limits.sorts }),
        select_columns: Type.Array(Type.Enum(fields.map(([name]) => name)), { minItems: 1 }),
        page: Type.Integer({ minimum: 1, maximum: 10_000, default: 1 }),
        limit: Type.Integer({ minimum: 1, maximum: limits.size, default: 25 }),
        cursor: Type.Union([Type.Literal(true), Type.String({ minLength: 1, maxLength: 8_000 })], {
          description:
            'next_cursor of the page before, beside the same query. true on the first page: all pages are of this moment, as long as the search engine answers.',
        }),
        highlight: Type.Boolean({ default: false, description: 'Show what was found in the texts.' }),
        search_after: Type.Array(Type.Union([Type.String(), Type.Number(), Type.Null()]), {
          description: '`sort` of the last hit of the page before.',
        }),
        facets: facetsSchema(c),
      }),
      closed,
    ),
    { examples: examplesOf(c) },
  )
}

function examplesOf(c: Collection): unknown[] {
  const [text] = [...queryFields(c)].find(([, { search }]) => search.includes('phrase')) ?? []
  if (text === undefined) return [{}]
  const one = { filter_key: text, text_value: 'jumbo bag', search_type: 'exact', slop: 1 }
  return [
    {
      where: {
        text_matches: { must: [one] },
        keyword_match: { must: { status: [c.status.first] } },
        range_query: { must: { created_at: { gte: '2020-01-01' } } },
      },
      order_by: [{ order_by: 'created_at', order_direction: 'desc' }],
      limit: 10,
    },
    { where: { text_matches: { must: [{ filter_key: text, text_value: 'lantren', fuzzy: true }] } } },
    { select_columns: [text] },
    { facets: facetsExample(c) },
  ]
}

/** What was found in the texts of a hit. */
export const highlightsSchema = named(
  'Highlights',
  Type.Record(Type.String(), Type.Array(Type.String()), {
    description: 'Each text in which something was found, whole, escaped for HTML, what was found in <em>.',
  }),
)

export const nextCursorSchema = Type.Optional(
  Type.String({ description: 'Asks for the next page, as `cursor` beside the same query. Absent on the last page.' }),
)

/** What it answers. */
export function queryResultSchema(c: Collection): TSchema {
  const { properties } = recordSchema(c) as TSchema & { properties: Record<string, TSchema> }
  const { id = Type.String(), ...rest } = properties
  const record = Type.Object({ id, ...maybe(rest) }, closed)
  const value = Type.Union([Type.String(), Type.Number(), Type.Null()])
  const hit = Type.Object({
    score: Type.Union([Type.Number(), Type.Null()], { description: 'null where hits are sorted by fields.' }),
    sort: Type.Array(value, { description: 'What it was sorted by: search_after of the page after it.' }),
    [c.title]: named(nameOf(c, 'Columns'), record, { description: 'The record, or what select_columns asks for.' }),
    highlights: Type.Optional(highlightsSchema),
  })
  const total = Type.Object({
    value: Type.Integer({ minimum: 0, maximum: 10_000 }),
    relation: Type.Enum(['eq', 'gte'], { description: 'gte: there are more.' }),
  })
  const example = exampleOf(c)
  const hits = [{ score: null, sort: [example.created_at, example.id], [c.title]: example }]
  return named(
    nameOf(c, 'QueryResult'),
    Type.Object({
      hits: Type.Array(named(nameOf(c, 'QueryHit'), hit)),
      total: named('Total', total),
      facets: Type.Optional(facetCountsSchema()),
      engine: Type.String({ description: 'Who answered, as in X-Search-Engine.' }),
      lag: Type.Optional(lagSchema),
      next_cursor: nextCursorSchema,
    }),
    {
      examples: [
        { hits, total: { value: 1, relation: 'eq' }, engine: 'elasticsearch', lag: { changes: 0, seconds: 0 } },
      ],
    },
  )
}
