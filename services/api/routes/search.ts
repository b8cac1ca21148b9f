import { orders, queryFields } from '@ordermill/model'
import { facetsOf } from '@ordermill/search'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { exampleOf } from '../examples.ts'
import { facetCountsSchema } from '../facet-schema.ts'
import { hitsText, sendFound } from '../hits.ts'
import { highlightsSchema, nextCursorSchema } from '../query-schema.ts'
import type { Reader } from '../reader.ts'
import { answer, lagSchema, named, recordSchema, responses } from '../schemas.ts'
import { asParameters, type Narrowing, readSearch, type SearchParameters } from '../search-parameters.ts'
import type { Walk } from '../walking.ts'
import { sentId } from './caller.ts'

const narrowing: Narrowing = { time: 'placed_at', money: 'amount' }
const sortable = [...queryFields(orders)].filter(([, { kind }]) => kind !== 'text').map(([name]) => name)
const countable = [...queryFields(orders)]
  .filter(([, field]) => facetsOf(field).includes('values'))
  .map(([name]) => name)
const time = (what: string) =>
  Type.Optional(
    Type.Union([Type.String({ format: 'date' }), Type.String({ format: 'date-time' })], {
      description: `Placed ${what} this day or time.`,
      examples: ['2011-01-01'],
    }),
  )
const amount = (what: string) =>
  Type.Optional(Type.Number({ minimum: 0, maximum: 1e15, description: `${what} amount.` }))
const query = Type.Object({
  q: Type.String({
    minLength: 1,
    maxLength: 500,
    description:
      'Words of the product name: whole, their beginnings, misspelt, or characters within; or a reference or customer.',
    examples: ['regency cake'],
  }),
  status: Type.Optional(Type.Enum(orders.status.all)),
  from: time('at or after'),
  to: time('before'),
  min_amount: amount('Smallest'),
  max_amount: amount('Largest'),
  sort: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: `Fields, separated by commas, - before one for the largest first; by relevance if absent. There are ${sortable.join(', ')}.`,
      examples: ['-amount,placed_at'],
    }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
  page: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1 })),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 8_000,
      examples: ['true'],
      description:
        'next_cursor of the page before, beside the same parameters; true on the first page: all pages are of this moment.',
    }),
  ),
  facets: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: `Fields, separated by commas, whose most frequent values are counted over all that match. There are ${countable.join(', ')}.`,
      examples: [countable.slice(0, 2).join()],
    }),
  ),
})
const found = named(
  'SearchResult',
  Type.Object({
    hits: Type.Array(
      named(
        'Hit',
        Type.Object({
          score: Type.Union([Type.Number(), Type.Null()], { description: 'null where hits are sorted.' }),
          order: recordSchema(orders),
          highlights: highlightsSchema,
        }),
      ),
    ),
    total: Type.Integer({ minimum: 0, description: 'Exact up to 10000.' }),
    facets: Type.Optional(facetCountsSchema()),
    engine: Type.String({ description: 'Who answered, as in X-Search-Engine.' }),
    lag: Type.Optional(lagSchema),
    next_cursor: nextCursorSchema,
  }),
  {
    examples: [
      {
        hits: [
          {
            score: 4.2,
            order: exampleOf(orders),
            highlights: { product_name: ['<em>REGENCY</em> <em>CAKESTAND</em> 3 TIER'] },
          },
        ],
        total: 1,
        engine: 'elasticsearch',
        lag: { changes: 0, seconds: 0 },
      },
    ],
  },
)

interface SearchParts {
  walk: Walk
  reader: Reader
}

/** Search by what somebody typed into one box. */
export function searchRoutes(app: FastifyInstance, { walk, reader }: SearchParts): void {
  const schema = {
    operationId: 'searchOrders',
    summary: 'Search orders by what somebody typed',
    description: 'While the search engine is away, the database answers.',
    tags: ['search'],
    querystring: query,
    response: responses(
      { 200: answer('Hits, best first', found, 'X-Search-Engine', 'X-Search-Lag-Seconds') },
      422,
      503,
    ),
  }
  app.get<{ Querystring: SearchParameters }>('/api/search', { schema }, async (request, reply) => {
    const asked = await readSearch(orders, narrowing, request.query)
    const answered = await asParameters(narrowing, () => walk(asked, request.id))
    const hits = await hitsText(orders, reader, answered, sentId(request), { highlight: asked.query.where })
    return sendFound(reply, answered, hits, answered.total.value, asked.query.facets)
  })
}
