import { environment } from '@ordermill/config'
import { Unavailable } from '@ordermill/model'
import { firstOrder, nextOrder } from '@ordermill/model/testing'
import { type ServerHandle, startCluster } from '@ordermill/servers'
import { redisAt, until } from '@ordermill/servers/testing'
import t, { type Test } from 'tap'
import {
  CacheUnfit,
  connectCache,
  createBarriers,
  createCleanCopies,
  createDirty,
  createSharedBuckets,
  inspectCache,
} from './index.ts'
import { bucketOf, buckets, keysOf } from './keys.ts'
import { offer, openCache } from './testing.ts'

const cluster = await startCluster('redis', 6, { env: environment() })
t.teardown(() => cluster.remove())
const [master, , , replica] = cluster.nodes
if (master === undefined || replica === undefined) throw new Error('six nodes were asked for')

let made = 0
/** A process on the cluster, which is told of some of its nodes only. */
const open = async (t: Test, urls = cluster.nodes.slice(1, 3).map(({ url }) => url)) => {
  let ready = 0
  const client = connectCache({
    urls,
    timeout_ms: 2_000,
    onError: () => undefined,
    onReady: () => void ready++,
  })
  t.teardown(() => client.disconnect())
  await until('the cluster is there', () => ready > 0)
  const parts = { client, collection: `orders${++made}`, namespace: '', dirtyLimit: 64_000 }
  const cache = await until('the epoch is known', () => openCache(parts).catch(() => undefined))
  return { ...parts, cache, barriers: createBarriers(parts), ready: () => ready }
}
/** An order of each bucket. */
const everywhere = () => {
  const found = new Map<number, ReturnType<typeof firstOrder>>()
  while (found.size < buckets) {
    const order = firstOrder()
    found.set(bucketOf(order.id), order)
  }
  return [...found.values()]
}
/** An order whose bucket this node is the master of. */
const orderAt = async (t: Test, node: ServerHandle) => {
  const redis = redisAt(t, node.url)
  for (;;) {
    const order = firstOrder()
    const found = await redis.exists(keysOf('', 'orders').record(order.id)).catch(() => undefined) // else it is moved elsewhere
    if (found !== undefined) return order
  }
}
const codeOf = async (work: Promise<unknown>): Promise<string> => {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof Unavailable)) throw new Error('not Unavailable', { cause: thrown })
  return thrown.code
}

t.test('every call works over all buckets of a cluster', async (t) => {
  const { cache, client, collection, namespace, barriers } = await open(t)
  const orders = everywhere()
  for (const outcome of await Promise.all(orders.map((order) => cache.accept(order))))
    t.match(outcome, { outcome: 'accepted', unsentBefore: 0 })
  t.same(
    (await cache.readMany(orders.map(({ id }) => id))).map((one) => one?.hash),
    orders.map(({ hash }) => hash),
  )
  t.match(await cache.dirty(), { unsent: buckets, sent: 0 })
  t.equal((await cache.period()).accepted, buckets)
  const dirty = createDirty({ client, collection, namespace })
  t.equal((await dirty.page(['unsent'], 100)).length, buckets)
  t.equal((await cache.marksOlderThan('unsent', -60_000, 100)).length, buckets)
  await cache.markSent(orders)
  t.match(await cache.dirty(), { unsent: 0, sent: buckets })
  const [first, second, third] = orders
  if (first === undefined || second === undefined || third === undefined) throw new Error('there are 64')
  const changed = nextOrder(first, { amount: 1 })
  t.match(await cache.accept(changed, first), { outcome: 'accepted', unsentBefore: 0 })
  t.match(await cache.readVersion(changed), { hash: changed.hash })
  t.equal(await cache.copied(first.id, await cache.checkEpoch()), true)
  t.equal(await cache.park([second]), 1)
  await cache.discard(third)
  t.same(await offer(cache, third.id, undefined), { version: undefined, behind: false })
  t.equal(await cache.settle([...orders, changed]), buckets)
  t.match(await cache.dirty(), { unsent: 0, sent: 0, parked: 0 })
  const clean = createCleanCopies({ client, collection, namespace })
  const copies = (await Array.fromAsync(clean.pages())).flat()
  t.equal(copies.length, buckets - 1, 'all but the one that was discarded')
  t.equal(await clean.remove(copies), copies.length)
  t.equal(await barriers.behind(), undefined)
  t.match(await createSharedBuckets(client, namespace).take('me', { rate: 1, burst: 10 }, 0), { allowed: true })
})

t.test('whether all nodes keep what they take is asked of each', async (t) => {
  const { client } = await open(t)
  t.same(await inspectCache(client), { durable: true })
  for (const node of cluster.nodes) {
    const redis = redisAt(t, node.url)
    await redis.config('SET', 'appendonly', 'no')
    t.same(await inspectCache(client), { durable: false }, node.url)
    await redis.config('SET', 'appendonly', 'yes')
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await t.rejects(inspectCache(client), CacheUnfit, node.url)
    await redis.config('SET', 'maxmemory-policy', 'volatile-lru')
  }
})

t.test('one node of a cluster is no address of it', async (t) => {
  let ready = 0
  const [url = ''] = cluster.nodes.map((node) => node.url)
  const client = connectCache({ urls: [url], timeout_ms: 2_000, onError: () => undefined, onReady: () => void ready++ })
  t.teardown(() => client.disconnect())
  await until('it is there', () => ready > 0)
  await t.rejects(inspectCache(client), { name: 'CacheUnfit', message: /name two nodes at least in REDIS_ADDR/ })
})

t.test('what was in flight when its connection was lost is not sent again', async (t) => {
  const { cache } = await open(t)
  const order = await orderAt(t, master)
  const redis = redisAt(t, master.url)
  await redis.client('PAUSE', 3_000, 'WRITE')
  const inFlight = codeOf(cache.accept(order))
  await until('it has come', async () => /^blocked_clients:[1-9]/m.test(await redis.info('clients')))
  await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await redis.client('UNPAUSE')
  t.equal(await inFlight, 'outcome-open')
  t.equal(
    await until('the cluster is there', () => offer(cache, order.id, undefined).catch(() => undefined)).then(
      ({ version }) => version,
    ),
    undefined,
  )
})

t.test('a replica that takes over without the last writes opens a new epoch in every bucket', async (t) => {
  const { cache, barriers } = await open(t)
  const other = await open(t)
  const order = await orderAt(t, master)
  await cache.accept(order)
  const epoch = await cache.checkEpoch()
  await until('the replica has it', () => cache.copied(order.id, epoch))

  const link = redisAt(t, replica.url)
  await link.config('SET', 'masterauth', 'wrong') // from now on it cannot connect to its master
  await link.call('CLIENT', 'KILL', 'TYPE', 'master')
  const forgotten = nextOrder(order, { amount: 1 })
  t.match(await cache.accept(forgotten, order), { outcome: 'accepted' })
  t.equal(await cache.copied(order.id, epoch), false, 'its replica is there, but does not have it')
  await master.kill('SIGKILL')
  await until('it counts as away', () =>
    cache.accept(firstOrder()).then(
      () => undefined,
      (error: Unavailable) => error.code === 'cache-away',
    ),
  )

  // The client may give a connection up once more, as it hears how the cluster is cut now.
  const tookOver = async () => {
    const found = await cache.checkEpoch()
    await cache.read(order.id)
    return found
  }
  const fresh = await until('the replica took over', () => tookOver().catch(() => undefined), 30_000)
  t.ok(fresh > epoch)
  t.match(await cache.read(order.id), { hash: order.hash, current: false }, 'what it has is held against Postgres')
  t.equal(await cache.copied(order.id, epoch), false, 'it has no replica, but this was accepted before')
  t.same(await offer(cache, firstOrder().id, undefined), { version: undefined, behind: true })
  for (const outcome of await Promise.all(everywhere().map((one) => other.cache.accept(one))))
    t.match(outcome, { outcome: 'accepted' }, 'new ones are accepted in every bucket')
  await barriers.pass(fresh)
  t.match(await offer(cache, order.id, forgotten), { version: { hash: forgotten.hash }, behind: false })
})

t.test('a cluster of which all nodes are gone is away: nothing was written, and that is said', async (t) => {
  const { cache, ready } = await open(t)
  const before = ready()
  await Promise.all(cluster.nodes.map((node) => node.kill('SIGKILL')))
  await until('the loss is noticed', () => codeOf(cache.checkEpoch()))
  for (let tries = 0; tries < 5; tries += 1) t.equal(await codeOf(cache.accept(firstOrder())), 'cache-away')
  await Promise.all(cluster.nodes.map((node) => node.start()))
  await until('it is back', () => ready() > before, 60_000)
  await until('it takes orders again', () => cache.accept(firstOrder()).catch(() => undefined), 30_000)
})

t.test('user and password of the addresses hold for the nodes that are only heard of', async (t) => {
  const [first, second] = cluster.nodes.map(({ url }) => url.replace('//', '//:p%40ss@'))
  for (const node of cluster.nodes) {
    const redis = redisAt(t, node.url)
    await redis.config('SET', 'masterauth', 'p@ss')
    await redis.config('SET', 'requirepass', 'p@ss')
  }
  const { cache } = await open(t, [first ?? '', second ?? ''])
  for (const order of everywhere()) t.match(await cache.accept(order), { outcome: 'accepted' })
})
