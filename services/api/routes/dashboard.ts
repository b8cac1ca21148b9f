import { type Database, readSales } from '@ordermill/database'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { wrong } from '../parameters.ts'
import { answer, named, responses } from '../schemas.ts'

const query = Type.Object({
  from: Type.Optional(Type.String({ format: 'date', description: 'First UTC day; 29 days before `to` if absent.' })),
  to: Type.Optional(Type.String({ format: 'date', description: 'Last UTC day; today if absent.' })),
  currency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$' })),
})
const day = named(
  'DaySales',
  Type.Object({
    date: Type.String({ format: 'date', description: 'UTC day of placed_at.' }),
    currency: Type.String({ pattern: '^[A-Z]{3}$' }),
    total_revenue: Type.Number({ minimum: 0 }),
    orders: Type.Integer({ minimum: 1 }),
    units: Type.Integer({ minimum: 1 }),
  }),
)
const sales = named('Sales', Type.Array(day), {
  examples: [[{ date: '2026-01-31', currency: 'GBP', total_revenue: 25.5, orders: 1, units: 2 }]],
})
const day_ms = 86_400_000
const isoDay = (at: number) => new Date(at).toISOString().slice(0, 10)

/** Sales by day and currency, from the materialized view: as old as X-As-Of says. */
export function dashboardRoutes(app: FastifyInstance, { database }: { database: Database }): void {
  const schema = {
    operationId: 'getSales',
    summary: 'Sales by UTC day and currency',
    tags: ['dashboard'],
    querystring: query,
    response: responses({ 200: answer('Newest day first', sales, 'X-As-Of') }, 422, 503),
  }
  app.get<{ Querystring: Static<typeof query> }>('/api/dashboard/sales', { schema }, async (request, reply) => {
    const { currency } = request.query
    const to = request.query.to ?? (request.query.from === undefined ? isoDay(Date.now()) : '9999-12-31')
    const from = request.query.from ?? isoDay(Math.max(Date.parse(to) - 29 * day_ms, Date.parse('0001-01-01')))
    if (from > to) throw wrong('from', 'range', `must not be after ${to}`)
    if (from < '0001-01-01') throw wrong('from', 'range', 'must be in the years 0001 to 9999')
    const { json, as_of } = await readSales(database, { from, to, currency })
    if (as_of !== undefined) reply.header('x-as-of', as_of)
    return reply.header('content-type', 'application/json; charset=utf-8').send(json)
  })
}
