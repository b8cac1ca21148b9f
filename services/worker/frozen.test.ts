import { environment } from '@ordermill/config'
import { createDatabase, createReader } from '@ordermill/database'
import { orders, type Version } from '@ordermill/model'
import { firstOrder, nextOrder } from '@ordermill/model/testing'
import { createPublisher, recordMessage, topologyOf } from '@ordermill/queue'
import { queueLength } from '@ordermill/queue/testing'
import { createSearchClient } from '@ordermill/search'
import { corner, until } from '@ordermill/servers/testing'
import t from 'tap'
import { get, spawnService } from '../testing.ts'
import { startGate } from './testing-gate.ts'

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
const engineUrl = env['ELASTICSEARCH_URL'] ?? ''
const engine = createSearchClient({ urls: [engineUrl], timeout_ms: 10_000 })
t.teardown(() => engine.close())
/** The number of the change that the index has of a record. */
const indexed = async (id: string) =>
  (await engine.get({ index: `${namespace}orders`, id }, { ignore: [404] }).catch(() => undefined))?._version
/** How the follower of a worker is, which says its address when it runs. */
const followerOf = async (output: string) => {
  const address = /"address":"([^"]+)"/.exec(output)?.[1]
  if (address === undefined) return undefined
  return (await get(`${address}/health`)).body as { dependencies?: { followers: { search: string } } }
}

t.test(
  'a worker that is frozen in its transaction and in a write to the index stops nobody for more than seconds, and has nothing to say when it goes on',
  async (t) => {
    // A trigger holds the statement until it is let go: that is when the worker is frozen, with the lock of the collection in hand.
    await database.query({
      text: `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock_shared(4711); RETURN NEW; END $$`,
    })
    await database.query({ text: 'CREATE TRIGGER hold BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION hold()' })
    const gate = await startGate(t, engineUrl)
    const active = spawnService(t, 'worker', { ...env, LOG_LEVEL: 'info', ELASTICSEARCH_URL: gate.url })
    const first = firstOrder()
    await send(first)
    await persisted(first)
    const standby = spawnService(t, 'worker', { ...env, LOG_LEVEL: 'info' })
    const searchOf = async ({ output }: typeof active) => (await followerOf(output()))?.dependencies?.followers.search
    await until('the other one stands by', async () => (await searchOf(standby)) === 'stands by')
    await until('the first order is indexed', async () => (await indexed(first.id)) !== undefined)
    gate.hold()
    const second = nextOrder(first, { amount: 5 })
    const before = gate.writes()
    await send(second)
    await until('its write is on its way to the index', () => gate.writes() > before)

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
    const takenOver = (async () => {
      // By hand: nobody persists before the broker has given up the frozen one.
      const text = 'UPDATE orders SET quantity = quantity WHERE id = $1 RETURNING change_seq'
      const [row] = await database.query<{ change_seq: number }>({ text, values: [first.id] })
      const change_seq = row?.change_seq ?? Number.NaN
      await until('the other one feeds the index', async () => (await indexed(first.id)) === change_seq, 30_000)
      return { change_seq, ms: performance.now() - frozen, writes: gate.writes() }
    })()
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

    const { change_seq, ms, writes } = await takenOver
    t.comment(`the index fed by the other one after ${Math.round(ms)} ms`)
    t.ok(ms < 20_000, `${Math.round(ms)} ms`)
    await gate.release()
    t.equal(await indexed(first.id), change_seq, 'what comes late to the index changes nothing')

    const said = active.output().length
    active.child.kill('SIGCONT')
    await until('it has given up what it had', () => /given up/.test(active.output().slice(said)))
    t.notMatch(active.output().slice(said), /"outcome":"persisted"/, 'it commits, acks and settles nothing')
    t.equal((await stored.read(caught.id))?.hash, next.hash)
    const after = firstOrder()
    await send(after)
    await persisted(after)
    await until('it is indexed', async () => (await indexed(after.id)) !== undefined)
    await until('the other one stands by now', async () => (await searchOf(active)) === 'stands by')
    t.equal(gate.writes(), writes, 'and not by the one that was frozen')
    const [row] = await database.query<{ rows: number; past: number; parked: number }>({
      text: `SELECT (SELECT count(*) FROM orders) AS rows, (SELECT count(*) FROM orders_history) AS past, (SELECT count(*) FROM parked) AS parked`,
    })
    t.same(row, { rows: 3, past: 2, parked: 0 }, 'each once')
    await until('the queue is empty', async () => (await queueLength(url, `${namespace}orders.persist`)) === 0)
  },
)
