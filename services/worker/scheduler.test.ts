import { environment } from '@ordermill/config'
import { createDatabase, createTable, type Database, dailySales } from '@ordermill/database'
import { orders } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { corner, until } from '@ordermill/servers/testing'
import { createLogger, createRegistry, workerMetrics } from '@ordermill/telemetry'
import t, { type Test } from 'tap'
import { createScheduler } from './scheduler.ts'

const { env } = await corner(t, environment())
const dsn = env['POSTGRES_DSN'] ?? ''
const database = createDatabase({ dsn, name: 'test', poolMax: 5, timeout_ms: 10_000, onLost: () => undefined })
t.teardown(() => database.stop())
const log = createLogger({ service: 'test', level: 'silent' })
const hourly_ms = 3_600_000

interface Schedule {
  on?: Database
  views?: (typeof dailySales)[]
  schedule?: { cron: string } | { interval_ms: number }
}
const start = (
  t: Test,
  { on = database, views = [dailySales], schedule = { interval_ms: hourly_ms } }: Schedule = {},
) => {
  const metrics = workerMetrics(createRegistry('test'), [])
  const scheduler = createScheduler({ database: on, views, schedule, log, metrics })
  t.teardown(() => scheduler.stop())
  scheduler.start()
  return scheduler
}
const runs = async (outcome: string, view = dailySales.name): Promise<number> => {
  const [row] = await database.query<{ runs: number }>({
    text: 'SELECT count(*) AS runs FROM view_refreshes WHERE view = $1 AND outcome = $2',
    values: [view, outcome],
  })
  return row?.runs ?? 0
}
const place = () => createTable(database, orders).apply([[firstOrder()]], new AbortController().signal)

t.test('at the start it catches up with what was missed, and does not refresh where nothing changed', async (t) => {
  await place()
  const first = start(t)
  await until('it caught up', async () => (await runs('refreshed')) === 1)
  await first.stop()
  start(t)
  await until('it looked', async () => (await runs('unchanged')) === 1)
  t.equal(await runs('refreshed'), 1)
})

t.test('it refreshes every so often', async (t) => {
  const before = await runs('refreshed')
  start(t, { schedule: { interval_ms: 50 } })
  for (let times = 1; times <= 2; times += 1) {
    await place()
    await until('it refreshed', async () => (await runs('refreshed')) === before + times)
  }
})

t.test('it refreshes by a cron expression', async (t) => {
  const before = await runs('unchanged')
  start(t, { schedule: { cron: '* * * * * *' } })
  await until('it looked when it started, and twice by the second', async () => (await runs('unchanged')) >= before + 2)
})

t.test('a view that cannot be refreshed keeps no other from it, and is tried again', async (t) => {
  const before = await runs('unchanged')
  start(t, { views: [{ name: 'no_such_view', source: 'orders' }, dailySales], schedule: { interval_ms: 50 } })
  await until('both were tried twice', async () => {
    return (await runs('failed', 'no_such_view')) >= 2 && (await runs('unchanged')) >= before + 2
  })
})

t.test('while a refresh runs no other starts, and a stop waits for it and starts no more', async (t) => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  let started = 0
  let ended = 0
  const slow: Database = {
    ...database,
    async transaction(work, options) {
      started += 1
      await held
      const result = await database.transaction(work, options)
      ended += 1
      return result
    },
  }
  const scheduler = start(t, { on: slow, schedule: { interval_ms: 5 } })
  const ticks = await until('many ticks have passed', ticked(20))
  t.equal(started, 1, `after ${ticks} ticks`)
  const stopping = scheduler.stop()
  letGo()
  await stopping
  t.equal(ended, 1)
  await until('many ticks would have passed', ticked(20))
  t.equal(started, 1)
})

/** Gives a count once this many ticks of 5 ms have surely passed. */
function ticked(count: number): () => number | undefined {
  const from = performance.now()
  return () => (performance.now() - from > count * 5 ? count : undefined)
}
