import { orders } from '@ordermill/model'
import { deletedOrder, firstOrder, nextOrder } from '@ordermill/model/testing'
import { Client } from 'pg'
import t from 'tap'
import { createTable, dailySales, lastRefresh, readSales, refreshView } from './index.ts'
import { testDatabase, whenever } from './testing.ts'

const { database, dsn } = await testDatabase(t)
const table = createTable(database, orders)
const place = async (...bodies: Record<string, unknown>[]) => {
  const placed = bodies.map((body) => firstOrder(body))
  await table.apply(
    placed.map((order) => [order]),
    whenever(),
  )
  return placed
}
const sales = async (from: string, to: string, currency?: string) =>
  (await readSales(database, { from, to, currency })).json.replaceAll(' ', '')

t.test('before the first refresh there is nothing to show and no time of which it would be true', async (t) => {
  t.equal(await lastRefresh(database, dailySales), undefined)
  t.same(await readSales(database, { from: '2026-01-01', to: '2026-12-31' }), { json: '[]', as_of: undefined })
})

t.test('sums are exact to the cent, never cross currencies, and belong to the UTC day', async (t) => {
  await place(
    { amount: 0.1, placed_at: '2026-03-01T00:00:00Z', quantity: 2 },
    { amount: 0.2, placed_at: '2026-03-01T23:59:59.999Z', quantity: 3 },
    { amount: 0.29, placed_at: '2026-03-02T00:00:00Z' },
    { amount: 1000, placed_at: '2026-03-02T00:30:00+01:00' }, // the first of March, in UTC
    { amount: 1000, placed_at: '2026-02-28T23:30:00-01:00' }, // the first of March as well
    { amount: 500, currency: 'JPY', placed_at: '2026-03-01T12:00:00Z' },
    { amount: 1.125, currency: 'KWD', placed_at: '2026-03-01T12:00:00Z' },
  )
  t.match(await refreshView(database, dailySales), { outcome: 'refreshed' })
  const expected =
    '[{"date":"2026-03-02","currency":"USD","total_revenue":0.29,"orders":1,"units":1},' +
    '{"date":"2026-03-01","currency":"JPY","total_revenue":500,"orders":1,"units":1},' +
    '{"date":"2026-03-01","currency":"KWD","total_revenue":1.125,"orders":1,"units":1},' +
    '{"date":"2026-03-01","currency":"USD","total_revenue":2000.3,"orders":4,"units":7}]'
  t.equal(await sales('2026-03-01', '2026-03-02'), expected)
  t.equal(await sales('2026-03-01', '2026-03-01', 'JPY'), `[${expected.split(/(?<=\}),/)[1]}]`)
  t.equal(await sales('2026-04-01', '2026-04-30'), '[]')
})

t.test('sums beyond what a double holds leave as Postgres has them', async (t) => {
  await place(...Array.from({ length: 101 }, () => ({ amount: 900_719_925_474.09, placed_at: '2026-05-01T00:00:00Z' })))
  await refreshView(database, dailySales)
  const cents = 90_071_992_547_409n * 101n // more than 2^53
  const [, total] = /"total_revenue":([\d.]+)/.exec(await sales('2026-05-01', '2026-05-01')) ?? []
  t.equal(total?.replace('.', ''), String(cents))
})

t.test('cancelled orders and tombstones do not count, and an order counts with the version that stands', async (t) => {
  const placed_at = '2026-06-01T00:00:00Z'
  const [kept, changed, cancelled, gone] = await place(
    { amount: 1, placed_at },
    { amount: 2, placed_at },
    { amount: 4, placed_at },
    { amount: 8, placed_at },
  )
  if (kept === undefined || changed === undefined || cancelled === undefined || gone === undefined) throw new Error('4')
  const later = [nextOrder(changed, { amount: 16 }), nextOrder(cancelled, { status: 'cancelled' }), deletedOrder(gone)]
  await table.apply(
    later.map((order) => [order]),
    whenever(),
  )
  await refreshView(database, dailySales)
  t.match(await sales('2026-06-01', '2026-06-01'), /"total_revenue":17,"orders":2,/)
})

t.test('a refresh with nothing new is skipped, moves as_of, and can be forced', async (t) => {
  await refreshView(database, dailySales)
  const first = await refreshView(database, dailySales)
  t.equal(first.outcome, 'unchanged')
  t.equal((await lastRefresh(database, dailySales))?.as_of, first.as_of)
  t.equal((await readSales(database, { from: '2026-01-01', to: '2026-01-01' })).as_of, first.as_of)
  t.equal((await refreshView(database, dailySales, { force: true })).outcome, 'refreshed')
  await place({})
  t.equal((await refreshView(database, dailySales)).outcome, 'refreshed')
})

t.test('as_of is from before the refresh: what was persisted by then is in the view', async (t) => {
  const client = new Client(dsn)
  await client.connect()
  t.teardown(() => client.end())
  await place({})
  const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now')
  const { as_of = '' } = await refreshView(database, dailySales)
  t.ok(Date.parse(as_of) >= (rows[0]?.now.getTime() ?? Number.NaN), 'after the order was persisted')
  const after = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now')
  t.ok(Date.parse(as_of) <= (after.rows[0]?.now.getTime() ?? Number.NaN))
  t.ok(((await lastRefresh(database, dailySales))?.age_ms ?? -1) >= 0)
})

t.test('while one refresh runs another is busy, and is not on record', async (t) => {
  const client = new Client(dsn)
  await client.connect()
  t.teardown(() => client.end())
  await client.query('BEGIN')
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.daily_sales_mv', 1))`)
  const runs = () => database.query<{ runs: number }>({ text: 'SELECT count(*) AS runs FROM view_refreshes' })
  const before = await runs()
  t.match(await refreshView(database, dailySales), { outcome: 'busy', as_of: undefined })
  t.same(await runs(), before)
  await client.query('ROLLBACK')
  t.not((await refreshView(database, dailySales)).outcome, 'busy')
})

t.test('a refresh that fails is on record with why, and what is shown stays as of the last good one', async (t) => {
  const { as_of } = await refreshView(database, dailySales, { force: true })
  const missing = { name: 'no_such_view', source: 'orders' }
  await t.rejects(refreshView(database, missing), { name: 'Unavailable' })
  const [failed] = await database.query({
    text: `SELECT view, outcome, error FROM view_refreshes ORDER BY id DESC LIMIT 1`,
  })
  t.match(failed, { view: 'no_such_view', outcome: 'failed', error: /does not exist/ })
  t.equal(await lastRefresh(database, missing), undefined)
  t.equal((await lastRefresh(database, dailySales))?.as_of, as_of)
})
