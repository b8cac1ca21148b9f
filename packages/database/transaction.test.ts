import { orders, Unavailable } from '@ordermill/model'
import { firstOrder } from '@ordermill/model/testing'
import { until } from '@ordermill/servers/testing'
import { Client } from 'pg'
import t from 'tap'
import { createDatabase, createReader, createTable } from './index.ts'
import { testDatabase, whenever } from './testing.ts'

const { database, dsn } = await testDatabase(t, { timeout_ms: 4_000 })
const table = createTable(database, orders)
const stored = createReader(database, orders)
const failure = async (work: Promise<unknown>): Promise<Unavailable> => {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof Unavailable)) throw new Error('not Unavailable', { cause: thrown })
  return thrown
}
/** Holds the lock of the collection, as a write by hand does, until it is let go. */
const holdLock = async () => {
  const client = new Client(dsn)
  await client.connect()
  await client.query('BEGIN')
  await client.query('UPDATE orders SET quantity = quantity WHERE false')
  return () => client.end()
}
const waitingForLock = async () => {
  const [row] = await database.query<{ waiting: number }>({
    text: `SELECT count(*) AS waiting FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND NOT l.granted AND a.datname = current_database()`,
  })
  return row?.waiting ?? 0
}

t.test('an aborted attempt that waits for a lock is cut at once and never commits', async (t) => {
  const letGo = await holdLock()
  const order = firstOrder()
  const attempt = new AbortController()
  const applying = failure(table.apply([[order]], attempt.signal))
  await until('it waits', async () => (await waitingForLock()) === 1)
  const started = performance.now()
  attempt.abort()
  t.equal((await applying).code, 'deadline')
  t.ok(performance.now() - started < 500)
  await letGo()
  await until('nobody waits any more', async () => (await waitingForLock()) === 0)
  t.equal(await stored.read(order.id), undefined)
  t.same(await table.apply([[order]], whenever()), [['inserted']], 'the next attempt has all it needs')
})

t.test('an attempt that is aborted between its statements is rolled back', async (t) => {
  const order = firstOrder()
  const attempt = new AbortController()
  const also = async () => attempt.abort()
  t.equal((await failure(table.apply([[order]], attempt.signal, also))).code, 'deadline')
  t.equal(await stored.read(order.id), undefined)
})

t.test('an attempt that is aborted before or while it waits for a connection begins nothing', async (t) => {
  const narrow = createDatabase({ dsn, name: 'narrow', poolMax: 1, timeout_ms: 4_000, onLost: () => undefined })
  t.teardown(() => narrow.stop())
  const order = firstOrder()
  t.equal((await failure(createTable(narrow, orders).apply([[order]], AbortSignal.abort()))).code, 'deadline')
  const attempt = new AbortController()
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const holding = narrow.transaction(() => held)
  await until('the connection is taken', () => narrow.load().total === 1 && narrow.load().idle === 0)
  const applying = failure(createTable(narrow, orders).apply([[order]], attempt.signal))
  await until('it waits for it', () => narrow.load().waiting === 1)
  attempt.abort()
  letGo()
  await holding
  t.equal((await applying).code, 'deadline')
  t.equal(await stored.read(order.id), undefined)
})

t.test('a lock that nobody lets go of makes the attempt unavailable in half its time', async (t) => {
  const letGo = await holdLock()
  t.equal((await failure(table.apply([[firstOrder()]], whenever()))).code, 'database-55P03')
  await letGo()
})

t.test('a statement that takes too long is unavailable', async (t) => {
  t.equal((await failure(database.query({ text: 'SELECT pg_sleep(60)' }))).code, 'database-57014')
})

t.test('a transaction whose connection is ended by an operator is unavailable, and the pool goes on', async (t) => {
  const order = firstOrder()
  const also = async (session: { query(statement: { text: string }): Promise<unknown> }) => {
    await session.query({ text: 'SELECT pg_terminate_backend(pg_backend_pid())' })
  }
  await failure(table.apply([[order]], whenever(), also))
  t.equal(await stored.read(order.id), undefined)
  t.same(await table.apply([[order]], whenever()), [['inserted']])
})

t.test('a statement whose failure nobody heard does not end as a success', async (t) => {
  const order = firstOrder()
  const also = async (session: { query(statement: { text: string }): Promise<unknown> }) => {
    await session.query({ text: 'SELECT 1/0' }).catch(() => undefined)
  }
  await t.rejects(table.apply([[order]], whenever(), also))
  t.equal(await stored.read(order.id), undefined)
})
