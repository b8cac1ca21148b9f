import { orders, Unavailable } from '@ordermill/model'
import type { Searcher } from '@ordermill/search'
import type { ApiMetrics } from '@ordermill/telemetry'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { exampleOf } from '../examples.ts'
import type { Lag } from '../lag.ts'
import type { Reader } from '../reader.ts'
import { answer, named, recordSchema, responses } from '../schemas.ts'

const query = Type.Object({
  q: Type.String({
    minLength: 1,
    maxLength: 500,
    description: 'Words of the product name: their beginnings, or misspelt.',
    examples: ['regency cake'],
  }),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 25 })),
  page: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1 })),
})
const lagging = Type.Object({
  changes: Type.Integer({ minimum: 0, description: 'Changes that search does not know yet, at most.' }),
  seconds: Type.Number({ minimum: 0, description: 'Age of the oldest of them.' }),
})
const found = named(
  'SearchResult',
  Type.Object({
    hits: Type.Array(named('Hit', Type.Object({ score: Type.Number(), order: recordSchema(orders) }))),
    total: Type.Integer({ minimum: 0, description: 'Exact up to 10000.' }),
    engine: Type.String({ description: 'Who answered, as in X-Search-Engine.' }),
    lag: named('Lag', lagging),
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
  searcher: Searcher | undefined
  reader: Reader
  lag: Lag
  metrics: ApiMetrics
}

/** How many results deep pages may go. */
const depthMax = 10_000

/** Search by words of the product name. */
export function searchRoutes(app: FastifyInstance, { searcher, reader, lag, metrics }: SearchParts): void {
  const schema = {
    operationId: 'searchOrders',
    summary: 'Search orders by product name',
    tags: ['search'],
    querystring: query,
    response: responses({ 200: answer('Hits, best first', found, 'X-Search-Engine') }, 422, 503),
  }
  app.get<{ Querystring: Static<typeof query> }>('/api/search', { schema }, async (request, reply) => {
    const { q, limit = 25, page = 1 } = request.query
    if (searcher === undefined)
      throw new Unavailable('search-off', 'No search engine is configured.', { retryAfterSeconds: 60 })
    const from = Math.min((page - 1) * limit, depthMax - limit)
    const started = performance.now()
    let outcome = 'ok'
    try {
      const found = await searcher.search(q, { from, size: limit, correlationId: request.id })
      const records = await reader.readMany(
        found.hits.map(({ id }) => id),
        request.id,
      )
      const texts = new Map(records.map(({ id, text }) => [id, text]))
      const hits = found.hits.flatMap(({ id, score }) => {
        const text = texts.get(id)
        return text === undefined ? [] : [`{"score":${JSON.stringify(score)},"order":${text}}`]
      })
      const rest = JSON.stringify({ total: found.total, engine: 'elasticsearch', lag: await lag() })
      return reply
        .header('content-type', 'application/json; charset=utf-8')
        .header('x-search-engine', 'elasticsearch')
        .send(`{"hits":[${hits.join()}],${rest.slice(1)}`)
    } catch (thrown) {
      outcome = 'failed'
      throw thrown
    } finally {
      metrics.search.observe({ engine: 'elasticsearch', outcome }, (performance.now() - started) / 1_000)
    }
  })
}
