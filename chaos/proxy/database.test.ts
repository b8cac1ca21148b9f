import { environment } from '@ordermill/config'
import { createDatabase, createListener } from '@ordermill/database'
import { Unavailable } from '@ordermill/model'
import { startServer } from '@ordermill/servers'
import { until } from '@ordermill/servers/testing'
import t, { type Test } from 'tap'
import { startProxy } from './proxy.ts'

const server = await startServer('postgres', { env: environment() })
t.teardown(() => server.remove())

/** So long a statement may take, and so long one that nobody answers is waited for. */
const timeout_ms = 500
const silence_ms = timeout_ms + 1_000

/** A pool on Postgres, and the way there. */
const pool = async (t: Test, poolMax: number) => {
  const dsn = new URL(server.url)
  const proxy = await startProxy({ host: dsn.hostname, port: Number(dsn.port) })
  dsn.port = String(proxy.port)
  const lost: Error[] = []
  const onLost = (error: Error) => lost.push(error)
  const database = createDatabase({ dsn: dsn.href, name: 'silent', poolMax, timeout_ms, onLost })
  t.teardown(() => proxy.close())
  t.teardown(() => database.stop())
  const select = () => database.query({ text: 'SELECT 1 AS one' })
  const selectWithin = () => database.transaction((session) => session.query({ text: 'SELECT 1 AS one' }))
  /** As many connections as there may be, all idle. */
  const fill = async () => {
    await Promise.all(Array.from({ length: poolMax }, () => database.query({ text: 'SELECT pg_sleep(0.1)' })))
    t.equal(database.load().idle, poolMax)
  }
  return { proxy, database, lost, select, selectWithin, fill }
}
const failure = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing failed',
    (thrown: unknown) => (thrown instanceof Unavailable ? thrown.code : thrown),
  )
const took = async (work: Promise<unknown>) => {
  const started = performance.now()
  await work
  return performance.now() - started
}
const silence = { type: 'timeout', timeout_ms: 0, stream: 'both' } as const

t.test('a Postgres that hangs is unavailable in time, in a transaction too', async (t) => {
  const { select, selectWithin } = await pool(t, 2)
  await Promise.all([select(), selectWithin()])
  await server.kill('SIGSTOP')
  const hanging = Promise.all([failure(select()), failure(selectWithin())])
  t.ok((await took(hanging).finally(() => server.kill('SIGCONT'))) < 2 * silence_ms)
  t.same(await hanging, ['database-away', 'database-away'])
  await until('it answers', () => select().catch(() => undefined))
  t.same(await selectWithin(), [{ one: 1 }])
})

t.test('one that is killed and away is unavailable, and works again when it is back', async (t) => {
  const { lost, select } = await pool(t, 2)
  t.same(await select(), [{ one: 1 }])
  await server.kill('SIGKILL')
  await until('the loss is noticed', () => lost.length > 0)
  t.match(await failure(select()), /^database-/)
  await server.start()
  t.same(await select(), [{ one: 1 }])
})

t.test('connections that fell silent together cost one wait, not one each', async (t) => {
  const { proxy, database, select, selectWithin, fill } = await pool(t, 4)
  await fill()
  proxy.set([silence])
  proxy.set([])
  const elapsed_ms = await took(until('it works', () => select().catch(() => undefined)))
  t.ok(elapsed_ms < 1.7 * silence_ms, `${elapsed_ms} ms`)
  t.same(await selectWithin(), [{ one: 1 }])
  await fill()
  proxy.set([silence])
  proxy.set([])
  t.match(await failure(selectWithin()), 'database-away')
  t.same(await selectWithin(), [{ one: 1 }])
  t.ok(database.load().total <= 4)
})

t.test('a transaction that is given up while nobody answers takes the others with it', async (t) => {
  const { proxy, database, selectWithin, fill } = await pool(t, 4)
  await fill()
  proxy.set([silence])
  proxy.set([])
  const signal = AbortSignal.timeout(200)
  const work = database.transaction((session) => session.query({ text: 'SELECT 1' }), { signal })
  t.equal(await failure(work), 'deadline')
  t.same(await selectWithin(), [{ one: 1 }])
})

t.test('a COMMIT whose answer is lost is unavailable in time', async (t) => {
  const { proxy, database, selectWithin } = await pool(t, 1)
  await database.query({ text: 'CREATE TABLE kept (n int)' })
  proxy.set([{ ...silence, stream: 'downstream', after: 'COMMIT' }])
  const work = database.transaction((session) => session.query({ text: 'INSERT INTO kept VALUES (1)' }))
  t.equal(await failure(work), 'database-away')
  proxy.set([])
  t.same(await selectWithin(), [{ one: 1 }])
  t.same(await database.query({ text: 'SELECT n FROM kept' }), [{ n: 1 }], 'it was done all the same')
})

t.test('a listener whose connection fell silent ends in time', async (t) => {
  const dsn = new URL(server.url)
  const proxy = await startProxy({ host: dsn.hostname, port: Number(dsn.port) })
  t.teardown(() => proxy.close())
  dsn.port = String(proxy.port)
  const listener = createListener({ dsn: dsn.href, name: 'silent', channel: 'silent', onLost: () => undefined })
  const heard: (string | undefined)[] = []
  listener.listen((message) => heard.push(message))
  await until('it is connected', () => heard.length > 0)
  proxy.set([silence])
  t.ok((await took(listener.stop())) < 8_000)
})
