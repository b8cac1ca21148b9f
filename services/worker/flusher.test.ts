import { connectCache, createBarriers, createRecordCache } from '@ordermill/cache'
import { environment } from '@ordermill/config'
import { createDatabase, createLeases, createLedger, createReader, createTable } from '@ordermill/database'
import { newId, orders } from '@ordermill/model'
import { firstOrder, orderChain } from '@ordermill/model/testing'
import {
  createPublisher,
  type Delivery,
  type Publisher,
  PublishFailed,
  readBarrier,
  recordMessage,
  topologyOf,
} from '@ordermill/queue'
import { corner, removeKeys, until } from '@ordermill/servers/testing'
import { createLogger, createRegistry, workerMetrics } from '@ordermill/telemetry'
import t, { type Test } from 'tap'
import { runFlusher } from './flusher.ts'
import { readParked } from './parked-message.ts'

const { env, namespace } = await corner(t, environment())
const onLost = () => undefined
const database = createDatabase({
  dsn: env['POSTGRES_DSN'] ?? '',
  name: 'test',
  poolMax: 5,
  timeout_ms: 10_000,
  onLost,
})
t.teardown(() => database.stop())
const url = `redis://${env['REDIS_ADDR']}`
const client = connectCache({ urls: [url], timeout_ms: 5_000, onError: onLost, onReady: onLost })
t.teardown(() => client.disconnect())
const topology = topologyOf(['orders'], { namespace, lengthMax: 100_000 })
const real = createPublisher({
  urls: [env['RABBITMQ_URL'] ?? ''],
  name: 'test',
  topology,
  window: 4_096,
  timeout_ms: 5_000,
  onLost,
})
t.teardown(() => real.stop(0))
await real.ready
const stored = createReader(database, orders)
const ledger = createLedger(database)
const log = createLogger({ service: 'test', level: 'silent' })

let made = 0
const newCache = () => {
  const parts = { client, collection: `orders${++made}`, namespace, dirtyLimit: 100_000 }
  return Object.assign(createRecordCache(parts), { barriers: createBarriers(parts) })
}

/** A publisher that remembers what it published, on the real broker, unless the test says otherwise. */
const recording = (publish: (id: string) => Promise<void> | undefined = () => undefined) => {
  const published: string[] = []
  const publisher: Pick<Publisher, 'publish' | 'state'> = {
    state: () => real.state(),
    async publish(message) {
      await (publish(message.properties.messageId) ?? real.publish(message))
      if (readBarrier(message.properties) === undefined) published.push(message.properties.messageId)
    },
  }
  return { publisher, published }
}
interface Flushing {
  cache: ReturnType<typeof newCache>
  publisher: Pick<Publisher, 'publish' | 'state'>
  after_ms?: number
}
/** Flushes until the test ends. */
const flush = (t: Test, { cache, publisher, after_ms = 0 }: Flushing) => {
  const ending = new AbortController()
  const running = runFlusher(
    {
      collection: orders,
      cache,
      barriers: cache.barriers,
      stored,
      ledger,
      leases: createLeases(database, newId()),
      publisher,
      exchange: topology.exchange,
      after_ms,
      log,
      metrics: workerMetrics(createRegistry('test'), []),
    },
    ending.signal,
  )
  const end = async () => {
    ending.abort()
    await running
    await database.query({ text: 'DELETE FROM leases' })
  }
  t.teardown(end)
}
const hour_ms = 3_600_000
const nameOf = ({ id, version }: { id: string; version: number }) => `${id}:${version}`

t.test(
  'what the broker never confirmed is published again: all of it, version after version, and marked sent',
  async (t) => {
    const cache = newCache()
    const many = Array.from({ length: 1_200 }, () => firstOrder())
    await Promise.all(many.map((order) => cache.accept(order)))
    const [first, second, third] = orderChain()
    await cache.accept(first)
    await cache.accept(second, first)
    await cache.accept(third, second)
    const { publisher, published } = recording()
    const looks: { mark: string; published: number }[] = []
    const marksOlderThan: typeof cache.marksOlderThan = (mark, ...rest) => {
      looks.push({ mark, published: new Set(published).size })
      return cache.marksOlderThan(mark, ...rest)
    }
    flush(t, { cache: { ...cache, marksOlderThan }, publisher })
    await until('all are sent', async () => (await cache.dirty()).unsent === 0)
    const sweep = await until('it turns to what was sent', () => looks.find(({ mark }) => mark === 'sent'))
    t.ok(looks.indexOf(sweep) >= 4, 'three pages and more, and one that is empty')
    t.equal(sweep.published, 1_203, 'it does not rest between pages')
    t.equal((await cache.dirty()).sent, 1_203)
    t.same(new Set(published), new Set([...many, first, second, third].map(nameOf)))
    t.same(
      published.filter((name) => name.startsWith(first.id)),
      [first, second, third].map(nameOf),
    )
  },
)

t.test('what is young is left to whoever accepted it, until the broker was away and is back', async (t) => {
  const cache = newCache()
  let state: ReturnType<Publisher['state']> = 'ready'
  const { publisher, published } = recording()
  let looked = 0
  const seen = () => {
    looked += 1
    return state
  }
  flush(t, { cache, publisher: { ...publisher, state: seen }, after_ms: hour_ms })
  const order = firstOrder()
  await cache.accept(order)
  await until('it looked twice', () => looked >= 3)
  t.same(published, [])
  state = 'away'
  const before = looked
  await until('it saw that the broker is away', () => looked > before)
  await new Promise((resolve) => setTimeout(resolve, 200)) // how old marks are it counts when it asks, which is a moment later
  state = 'ready'
  const young = firstOrder()
  await cache.accept(young)
  await until('the first is sent', async () => (await cache.dirty()).sent === 1)
  const after = looked
  await until('it looked twice more', () => looked >= after + 2)
  t.same(published, [nameOf(order)], 'what came since the broker was last seen away is in the hands of who accepted it')
  t.equal((await cache.dirty()).unsent, 1)
})

t.test('one publish that fails keeps no other from being sent, and is tried again', async (t) => {
  const cache = newCache()
  const all = Array.from({ length: 20 }, () => firstOrder())
  await Promise.all(all.map((order) => cache.accept(order)))
  const [unlucky] = all.map(nameOf)
  let failures = 0
  const { publisher, published } = recording((name) => {
    if (name !== unlucky || failures === 2) return undefined
    failures += 1
    return Promise.reject(new PublishFailed('timeout'))
  })
  flush(t, { cache, publisher })
  await until('the others are sent', async () => (await cache.dirty()).unsent === 1)
  await until('all are sent', async () => (await cache.dirty()).unsent === 0)
  t.equal(failures, 2)
  t.equal(published.length, 20, 'none of the others was published twice')
})

t.test('what Postgres has already is settled, and not published', async (t) => {
  const cache = newCache()
  const [first, second] = orderChain()
  await cache.accept(first)
  await cache.markSent([first])
  await cache.accept(second, first)
  await cache.markSent([second])
  await createTable(database, orders).apply([[first, second]], new AbortController().signal)
  const waiting = firstOrder()
  await cache.accept(waiting)
  await cache.markSent([waiting])
  const { publisher, published } = recording()
  flush(t, { cache, publisher })
  await until('both are settled', async () => (await cache.dirty()).sent === 1)
  t.same(await cache.marksOlderThan('sent', 0, 10), [{ id: waiting.id, version: 1 }])
  t.same(published, [])
})

t.test('of two flushers only one publishes', async (t) => {
  const cache = newCache()
  const all = Array.from({ length: 50 }, () => firstOrder())
  await Promise.all(all.map((order) => cache.accept(order)))
  const [one, two] = [recording(), recording()]
  flush(t, { cache, publisher: one.publisher })
  flush(t, { cache, publisher: two.publisher })
  await until('all are sent', async () => (await cache.dirty()).unsent === 0)
  t.same([one.published.length, two.published.length].sort(), [0, 50])
})

t.test(
  'what was parked, and is dirty again because Redis forgot that, is marked parked once a barrier came through',
  async (t) => {
    const cache = newCache()
    const order = firstOrder()
    await cache.accept(order)
    await cache.markSent([order])
    const { body, properties } = recordMessage(order, { exchange: '', collection: orders.name, type: orders.type })
    const delivery = { body, properties: properties as unknown as Delivery['properties'], redelivered: false, tag: 1 }
    await ledger.keep([readParked(orders, delivery)])
    await removeKeys(url, `*${order.id}`) // its text is gone, too
    const { publisher, published } = recording()
    flush(t, {
      cache,
      publisher: {
        ...publisher,
        async publish(message) {
          await cache.barriers.pass(message.properties.messageId)
          await publisher.publish(message)
        },
      },
    })
    await until('it is parked', async () => (await cache.dirty()).parked === 1)
    t.match(await cache.dirty(), { unsent: 0, sent: 0 })
    t.same(published, [])
  },
)
