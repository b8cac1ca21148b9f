import { foundMax, orders } from '@ordermill/model'
import { simpleQuery } from '@ordermill/search'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { exampleOf } from '../examples.ts'
import { hitsText, sendFound } from '../hits.ts'
import { wrong } from '../parameters.ts'
import type { Reader } from '../reader.ts'
import { answer, lagSchema, named, recordSchema, responses } from '../schemas.ts'
import type { Search } from '../searching.ts'

const query = Type.Object({
  q: Type.String({
    minLength: 1,
    maxLength: 500,
    description:
      'Words of the product name: whole, their beginnings, misspelt, or characters within; or a reference or customer.',
    examples: ['regency cake'],
  }),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
  page: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1 })),
})
const found = named(
  'SearchResult',
  Type.Object({
    hits: Type.Array(named('Hit', Type.Object({ score: Type.Number(), order: recordSchema(orders) }))),
    total: Type.Integer({ minimum: 0, description: 'Exact up to 10000.' }),
    engine: Type.String({ description: 'Who answered, as in X-Search-Engine.' }),
    lag: Type.Optional(lagSchema),
  }),
  {
    examples: [
      {
        hits: [{ score: 4.2, order: exampleOf(orders) }],
        total: 1,
        engine: 'elasticsearch',
        lag: { changes: 0, seconds: 0 },
      },
    ],
  },
)

interface SearchParts {
  search: Search
  reader: Reader
}

/** Search by what somebody typed into one box. */
export function searchRoutes(app: FastifyInstance, { search, reader }: SearchParts): void {
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
  app.get<{ Querystring: Static<typeof query> }>('/api/search', { schema }, async (request, reply) => {
    const { q, limit = 25, page = 1 } = request.query
    const where = simpleQuery(orders, q)
    if (where === undefined) throw wrong('q', 'words', 'must have fewer words')
    const from = Math.min((page - 1) * limit, foundMax - limit)
    const answered = await search({ where, sort: [], from, size: limit }, request.id)
    const hits = await hitsText(orders, reader, answered, request.id)
    return sendFound(reply, answered, hits, answered.total.value)
  })
}
