import { type Collection, foundMax, queryFields, type ValuesFacet } from '@ordermill/model'
import { facetsOf, filterFields, limits } from '@ordermill/search'
import type { FastifyInstance } from 'fastify'
import Type, { type Static, type TSchema } from 'typebox'
import { countsOf, sayWho } from '../hits.ts'
import { wrong } from '../parameters.ts'
import { answer, lagSchema, named, nameOf, responses } from '../schemas.ts'
import type { Search } from '../searching.ts'

interface FilterParts {
  collection: Collection
  search: Search
}

const field = Type.Object({
  name: Type.String(),
  type: Type.Enum(['text', 'keyword', 'id', 'integer', 'money', 'time']),
  optional: Type.Boolean({ description: 'It may be absent.' }),
  operators: Type.Array(Type.String(), { description: 'Members of `where` that take it.' }),
  search_types: Type.Optional(Type.Array(Type.String(), { description: 'Of a text: how it may be searched.' })),
  fuzzy: Type.Optional(Type.Boolean({ description: 'Of a text: whether misspelt words are found.' })),
  sortable: Type.Boolean(),
  facets: Type.Array(Type.Enum(['values', 'ranges', 'interval', 'step'])),
  values: Type.Optional(Type.Array(Type.String(), { description: 'All that there can be, where that is known.' })),
})

const filtersSchema = (c: Collection): TSchema =>
  named(
    nameOf(c, 'Filters'),
    Type.Object({
      fields: Type.Array(named('FilterField', field)),
      limits: Type.Record(Type.String(), Type.Integer(), { description: 'How much a query may ask for.' }),
    }),
    { examples: [filtersOf(c)] },
  )

const filtersOf = (c: Collection) => ({ fields: filterFields(c), limits: { ...limits, found: foundMax } })

const values = named(
  'FieldValues',
  Type.Object({
    field: Type.String(),
    values: Type.Array(
      Type.Object({ value: Type.String(), count: Type.Integer({ minimum: 1, description: 'Records that have it.' }) }),
      { description: 'The most frequent first, those that are as frequent by their bytes.' },
    ),
    other: Type.Integer({ minimum: 0, description: 'Records with another value that fits.' }),
    engine: Type.String({ description: 'Who answered, as in X-Search-Engine.' }),
    lag: Type.Optional(lagSchema),
  }),
)

const query = Type.Object({
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: limits.contains,
      description: 'Only values that contain this, its letters small or capital.',
      examples: ['p'],
    }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.facetValues, default: 10 })),
})

/** What can be filtered by, and by which values: what a form of filters is drawn from. */
export function filterRoutes(app: FastifyInstance, { collection, search }: FilterParts): void {
  const { name, status } = collection
  const title = nameOf({ title: name })
  const filters = filtersOf(collection)
  const schema = {
    operationId: `list${title}Filters`,
    summary: `Fields of ${name}, and what can be asked of them`,
    tags: ['search'],
    response: responses({ 200: answer('Fields and limits', filtersSchema(collection)) }),
  }
  app.get(`/api/${name}/filters`, { schema }, async () => filters)

  const listed = [...queryFields(collection)].filter(([, one]) => facetsOf(one).includes('values')).map(([one]) => one)
  const params = Type.Object({ field: Type.Enum(listed, { description: 'The field.', examples: ['status'] }) })
  const example = { field: 'status', values: [{ value: status.first, count: 12 }], other: 0, engine: 'elasticsearch' }
  const valuesSchema = {
    operationId: `list${title}Values`,
    summary: `Values of a field of ${name}, with how many have them`,
    tags: ['search'],
    params,
    querystring: query,
    response: responses(
      { 200: answer('Values', { ...values, examples: [example] }, 'X-Search-Engine', 'X-Search-Lag-Seconds') },
      ...[422, 503],
    ),
  }
  app.get<{ Params: Static<typeof params>; Querystring: Static<typeof query> }>(
    `/api/${name}/filters/:field/values`,
    { schema: valuesSchema },
    async (request, reply) => {
      const { limit: size = 10, q: contains } = request.query
      if (contains?.includes('\u0000')) throw wrong('q', 'nul', 'must not contain the character U+0000')
      if (contains?.isWellFormed() === false) throw wrong('q', 'surrogate', 'must not contain half of a surrogate pair')
      const facet: ValuesFacet = { kind: 'values', field: request.params.field, size, ...(contains && { contains }) }
      const where = { kind: 'all' as const, of: [] }
      const answered = await search({ where, sort: [], from: 0, size: 0, facets: [facet] }, request.id)
      const { engine, lag } = answered
      const [counted] = countsOf([facet], answered)
      const shown = counted?.buckets.map(({ value, count }) => ({ value, count }))
      return sayWho(reply, answered).send({ field: facet.field, values: shown, other: counted?.other, engine, lag })
    },
  )
}
