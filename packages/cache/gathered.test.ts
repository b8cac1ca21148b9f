import { newId } from '@ordermill/model'
import { firstOrder, orderChain } from '@ordermill/model/testing'
import t from 'tap'
import type { CacheClient } from './index.ts'
import { bucketOf, keysOf } from './keys.ts'
import { openCache } from './testing.ts'
import { cacheCorner } from './testing-corner.ts'

const { client, redis, namespace } = await cacheCorner(t)

let made = 0
/** A cache, and what it sends of two commands: how many it asks for with each. */
const newCache = async (dirtyLimit = 640_000) => {
  const collection = `orders${++made}`
  const sent: { accept: number[]; mget: number[] } = { accept: [], mget: [] }
  const counting: CacheClient = Object.assign(Object.create(client) as CacheClient, {
    accept(...all: Parameters<CacheClient['accept']>) {
      sent.accept.push(all[0] / 5)
      return client.accept(...all)
    },
    mget(keys: string[]) {
      sent.mget.push(keys.length)
      return client.mget(keys)
    },
  })
  const cache = await openCache({ client: counting, collection, namespace, dirtyLimit })
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
