import { environment } from '@ordermill/config'
import { createDatabase, createReader } from '@ordermill/database'
import { orders, type Version } from '@ordermill/model'
import { firstOrder, nextOrder } from '@ordermill/model/testing'
import { createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { queueLength } from '@ordermill/queue/testing'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { spawnService } from '../testing.ts'

const { env, namespace } = await corner(t, environment())
const onLost = () => undefined
const database = createDatabase({
  dsn: env['POSTGRES_DSN'] ?? '',
  name: 'test',
  poolMax: 2,
  timeout_ms: 60_000,
  onLost,
})
t.teardown(() => database.stop())
const stored = createReader(database, orders)
const topology = topologyOf(['orders'], { namespace, lengthMax: 1_000_000 })
const url = env['RABBITMQ_URL'] ?? ''
const publisher = createPublisher({ urls: [url], name: 'p', topology, window: 64, timeout_ms: 10_000, onLost })
t.teardown(() => publisher.stop(0))
await publisher.ready
const send = (version: Version) =>
  publisher.publish(recordMessage(version, { exchange: topology.exchange, collection: 'orders', type: orders.type }))
const persisted = (version: Version, deadline_ms = 30_000) =>
  until('it is persisted', async () => (await stored.read(version.id))?.hash === version.hash, deadline_ms)
/** Backends of the workers that have the lock of the collection. */
const holders = () =>
  database.query<{ pid: number; state: string }>({
    text: `SELECT a.pid, a.state FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() AND a.application_name = 'ordermill-worker'`,
  })

t.test(
  'a worker that is frozen in its transaction stops nobody for more than seconds, and has nothing to say when it goes on',
  async (t) => {
    // A trigger holds the statement until it is let go: that is when the worker is frozen, with the lock of the collection in hand.
    await database.query({
      text: `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END $$`,
    })
    await database.query({ text: 'CREATE TRIGGER hold BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION hold()' })
    const active = spawnService(t, 'worker', { ...env, LOG_LEVEL: 'info' })
    const first = firstOrder()
    await send(first)
    await persisted(first)
    const standby = spawnService(t, 'worker', { ...env, LOG_LEVEL: 'info' })
    await until('the other one stands by', () => standby.output().includes('the worker runs'))

    const caught = firstOrder()
    await database.transaction(async (session) => {
      await session.query({ text: 'SELECT pg_advisory_xact_lock(4711)' })
      await send(caught)
      await until('it holds the lock', async () => (await holders()).some(({ state }) => state === 'active'))
      active.child.kill('SIGSTOP')
    })
    const frozen = performance.now()
    await until('it is frozen within its transaction', async () =>
      (await holders()).some(({ state }) => state === 'idle in transaction'),
    )
    const next = nextOrder(caught, { amount: 77 })
    await send(next)
    await until('Postgres has freed the lock', async () =>
      (await holders()).every(({ state }) => state !== 'idle in transaction'),
    )
    const freed_ms = performance.now() - frozen
    await persisted(next)
    const persisted_ms = performance.now() - frozen
    t.comment(
      `lock free after ${Math.round(freed_ms)} ms, persisted by the other one after ${Math.round(persisted_ms)} ms`,
    )
    t.ok(persisted_ms < 25_000, `${Math.round(persisted_ms)} ms`)

    const said = active.output().length
    active.child.kill('SIGCONT')
    await until('it has given up what it had', () => /given up/.test(active.output().slice(said)))
    t.notMatch(active.output().slice(said), /"outcome":"persisted"/, 'it commits, acks and settles nothing')
    t.equal((await stored.read(caught.id))?.hash, next.hash)
    const after = firstOrder()
    await send(after)
    await persisted(after)
    const [row] = await database.query<{ rows: number; past: number; parked: number }>({
      text: `SELECT (SELECT count(*) FROM orders) AS rows, (SELECT count(*) FROM orders_history) AS past, (SELECT count(*) FROM parked) AS parked`,
    })
    t.same(row, { rows: 3, past: 1, parked: 0 }, 'each once')
    await until('the queue is empty', async () => (await queueLength(url, `${namespace}orders.persist`)) === 0)
  },
)
