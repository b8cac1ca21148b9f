import { newId } from '@ordermill/model'
import { firstOrder, orderChain } from '@ordermill/model/testing'
import t from 'tap'
import { encodeEntry } from './entry.ts'
import type { CacheClient } from './index.ts'
import { bucketOf, keysOf } from './keys.ts'
import { openCache } from './testing.ts'
import { cacheCorner } from './testing-corner.ts'

const { client, redis, namespace } = await cacheCorner(t)

let made = 0
/** A cache, and what it sends of four commands: how many it asks for with each. */
const newCache = async (dirtyLimit = 640_000) => {
  const collection = `orders${++made}`
  const sent = { accept: [] as number[], mget: [] as number[], ask: [] as number[], fill: [] as number[] }
  const counting: CacheClient = Object.assign(Object.create(client) as CacheClient, {
    accept(...all: Parameters<CacheClient['accept']>) {
      sent.accept.push(all[0] / 5)
      return client.accept(...all)
    },
    ask(...all: Parameters<CacheClient['ask']>) {
      sent.ask.push(all[0])
      return client.ask(...all)
    },
    fill(...all: Parameters<CacheClient['fill']>) {
      sent.fill.push(all[0] / 4)
      return client.fill(...all)
    },
    mget(keys: string[]) {
      sent.mget.push(keys.length)
      return client.mget(keys)
    },
  })
  const cache = await openCache({ client: counting, collection, namespace, dirtyLimit })
  for (const counts of [sent.ask, sent.fill]) counts.length = 0
  return { cache, sent, keys: keysOf(namespace, collection) }
}
const many = <T>(count: number, make: () => T) => Array.from({ length: count }, make)
/** Two orders of one bucket. */
const neighbours = () => {
  const first = firstOrder()
  for (;;) {
    const second = firstOrder()
    if (bucketOf(second.id) === bucketOf(first.id)) return [first, second] as const
  }
}

t.test('what is accepted and read in one turn of the event loop goes out as one command each', async (t) => {
  const { cache, sent } = await newCache()
  const orders = many(50, () => firstOrder())
  const outcomes = await Promise.all(orders.map((order) => cache.accept(order)))
  t.ok(outcomes.every(({ outcome }) => outcome === 'accepted'))
  t.same(sent.accept, [50])
  const unknown = newId()
  const found = await Promise.all([...orders.map(({ id }) => id), unknown].map((id) => cache.read(id)))
  t.same(
    found.map((cached) => cached?.hash),
    [...orders.map(({ hash }) => hash), undefined],
    'each gets its own',
  )
  t.same(sent.mget, [51])
  t.equal((await cache.period()).accepted, 50)
  t.match(await cache.dirty(), { unsent: 50, sent: 0 })
})

t.test('no command takes more than 200 of them', async (t) => {
  const { cache, sent } = await newCache()
  await Promise.all(many(450, () => cache.accept(firstOrder())))
  t.same(sent.accept, [200, 200, 50])
})

t.test('of what comes together each has an outcome of its own, one after the other', async (t) => {
  const { cache } = await newCache()
  const [first, second, third] = orderChain()
  const other = firstOrder({ amount: 99 }, { id: first.id })
  const outcomes = await Promise.all([
    cache.accept(third, second),
    cache.accept(first),
    cache.accept(other),
    cache.accept(second, { ...first, epoch: 'another' }),
    cache.accept(second, first),
    cache.accept(third, { ...second, hash: other.hash }),
    cache.accept(third, second),
  ])
  t.same(
    outcomes.map((one) => (one.outcome === 'accepted' ? one.unsentBefore : one.outcome)),
    ['absent', 0, 'exists', 'exists', 1, 'exists', 2],
  )
  t.equal((await cache.readVersion(second))?.hash, second.hash, 'what was replaced is kept')
})

t.test(
  'what is asked of Postgres, and offered, in one turn goes out as one command each, each with an outcome of its own',
  async (t) => {
    const { cache, sent, keys } = await newCache()
    const [kept, settled, newer, older, none] = [firstOrder(), firstOrder(), firstOrder(), orderChain()[0], newId()]
    await redis.set(keys.record(older.id), encodeEntry(older, 'an earlier epoch'), 'EX', 60) // clean
    await cache.accept(newer)
    const ids = [kept.id, settled.id, newer.id, older.id, none, kept.id]
    const moments = await Promise.all(ids.map((id) => cache.moment(id)))
    t.same(sent.ask, [6])
    t.equal(moments[0]?.token, moments[5]?.token, 'who asks for the same has the same token')
    t.equal(new Set(moments.map(({ token }) => token)).size, 5)
    await cache.settle([settled])
    const offers = [kept, settled, firstOrder({}, { id: newer.id }), older, undefined, kept]
    const filled = await Promise.all(
      offers.map((stored, at) => cache.fill(ids[at] ?? '', stored, moments[at] as (typeof moments)[number])),
    )
    t.same(sent.fill, [6])
    t.same(
      filled.map(({ version, behind }) => [version?.hash, behind]),
      [kept.hash, settled.hash, newer.hash, older.hash, undefined, kept.hash].map((hash) => [hash, false]),
    )
    const cached = await cache.readMany(ids)
    t.same(
      cached.map((one) => one?.current && one.hash),
      [kept.hash, undefined, newer.hash, older.hash, undefined, kept.hash],
      'what was settled since is not kept',
    )
  },
)

t.test('those that come together stop at the dirty limit as those that come alone', async (t) => {
  const { cache } = await newCache(64)
  const [first, second] = neighbours()
  const outcomes = await Promise.all([cache.accept(first), cache.accept(second)])
  t.same(
    outcomes.map(({ outcome }) => outcome),
    ['accepted', 'limit'],
  )
})

t.test('where an error ends the script midway, of all it was given the outcome is open', async (t) => {
  const { cache, keys } = await newCache()
  const [before, broken, after] = [firstOrder(), firstOrder(), firstOrder()]
  await redis.set(keys.unsent(bucketOf(broken.id)), 'no sorted set')
  const outcomes = await Promise.all(
    [before, broken, after].map((order) => cache.accept(order).catch((thrown: { code: string }) => thrown.code)),
  )
  t.same(
    outcomes,
    many(3, () => 'outcome-open'),
  )
  t.equal(await redis.exists(keys.record(before.id)), bucketOf(before.id) === bucketOf(broken.id) ? 0 : 1)
})
