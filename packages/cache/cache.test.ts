import { newId } from '@ordermill/model'
import { deletedOrder, firstOrder, nextOrder, orderChain } from '@ordermill/model/testing'
import t from 'tap'
import { bucketOf, buckets, keysOf } from './keys.ts'
import { openCache } from './testing.ts'
import { cacheCorner } from './testing-corner.ts'

const { client, redis, namespace } = await cacheCorner(t)

let made = 0
/** A cache of its own for each test: no test sees the marks of another. */
const newCache = async (dirtyLimit = 6_400) => {
  const collection = `orders${++made}`
  const keys = keysOf(namespace, collection)
  return { cache: await openCache({ client, collection, namespace, dirtyLimit }), keys }
}
const baseOf = ({ version, hash }: { version: number; hash: string }) => ({ version, hash })
const accepted = { outcome: 'accepted', unsentBefore: 0 }

t.test(
  'a first version is accepted once; while it stands another first one is refused and changes nothing',
  async (t) => {
    const { cache, keys } = await newCache()
    const order = firstOrder()
    t.match(await cache.accept(order), accepted)
    t.match(await cache.read(order.id), { text: order.text, hash: order.hash, version: 1, parent: null })
    t.equal(await redis.ttl(keys.record(order.id)), -1, 'what is dirty has no TTL')
    t.same(await cache.accept(firstOrder({ amount: 1 }, { id: order.id })), { outcome: 'exists' })
    t.equal((await cache.read(order.id))?.hash, order.hash)
    t.equal((await cache.period()).accepted, 1)
  },
)

t.test('an update is accepted only on the version and the hash that stand', async (t) => {
  const { cache } = await newCache()
  const first = firstOrder()
  const fork = firstOrder({ amount: 99 }, { id: first.id })
  const second = nextOrder(first, { amount: 13 })
  await cache.accept(first)
  await cache.markSent([first])
  t.same(await cache.accept(nextOrder(fork, { amount: 14 }), baseOf(fork)), { outcome: 'exists' }, 'another hash')
  t.same(await cache.accept(second, { version: 2, hash: first.hash }), { outcome: 'exists' }, 'another version')
  t.equal((await cache.read(first.id))?.hash, first.hash)
  t.match(await cache.accept(second, baseOf(first)), accepted)
  t.same(await cache.accept(second, baseOf(first)), { outcome: 'exists' }, 'the same again')
  t.match(await cache.read(first.id), { version: 2, hash: second.hash, parent: first.hash })
  t.equal((await cache.period()).accepted, 2)
})

t.test('an update whose base is not cached is absent, and nothing is written', async (t) => {
  const { cache } = await newCache()
  const [first, second] = orderChain()
  t.same(await cache.accept(second, baseOf(first)), { outcome: 'absent' })
  t.equal(await cache.read(first.id), undefined)
  t.match(await cache.dirty(), { unsent: 0, sent: 0 })
})

t.test('of many that race for the same step exactly one is accepted', async (t) => {
  const { cache } = await newCache()
  const first = firstOrder()
  await cache.accept(first)
  const rivals = Array.from({ length: 20 }, (_, at) => nextOrder(first, { amount: at + 100 }))
  const outcomes = await Promise.all(rivals.map((rival) => cache.accept(rival, baseOf(first))))
  t.equal(outcomes.filter(({ outcome }) => outcome === 'accepted').length, 1)
  t.equal(outcomes.filter(({ outcome }) => outcome === 'exists').length, 19)
})

t.test('at the dirty limit nothing is written or counted, and settling makes room again', async (t) => {
  const { cache } = await newCache(buckets) // one for each bucket
  const first = firstOrder()
  const sameBucket = firstOrder({}, { id: `${newId().slice(0, -2)}${first.id.slice(-2)}` })
  await cache.accept(first)
  t.same(await cache.accept(sameBucket), { outcome: 'limit' })
  await cache.markSent([first])
  t.same(await cache.accept(sameBucket), { outcome: 'limit' }, 'what the broker has is still dirty')
  const next = nextOrder(first, { amount: 1 })
  t.same(await cache.accept(next, baseOf(first)), { outcome: 'limit' })
  t.equal(await cache.read(sameBucket.id), undefined)
  t.equal((await cache.read(first.id))?.version, 1)
  t.equal((await cache.period()).accepted, 1)
  await cache.settle([first])
  t.match(await cache.accept(sameBucket), accepted)
})

t.test('a version replaced before the broker had it can still be read by its mark, until it is sent', async (t) => {
  const { cache, keys } = await newCache()
  const [first, second, third] = orderChain()
  await cache.accept(first)
  t.match(await cache.accept(second, baseOf(first)), { outcome: 'accepted', unsentBefore: 1 })
  t.match(await cache.accept(third, baseOf(second)), { outcome: 'accepted', unsentBefore: 2 })
  for (const version of [first, second, third]) t.equal((await cache.readVersion(version))?.text, version.text)
  const tag = `{${bucketOf(first.id)}}`
  for (const key of await redis.keys(`*${keys.record(first.id)}*`)) t.ok(key.startsWith(tag), key)

  await cache.markSent([first, second])
  t.equal(await cache.readVersion(first), undefined)
  t.equal((await cache.readVersion(third))?.text, third.text)
  t.match(await cache.dirty(), { unsent: 1, sent: 2 })
  await cache.markSent([third])
  t.equal((await cache.read(first.id))?.version, 3)
  t.match(await cache.dirty(), { unsent: 0, sent: 3 })
  await cache.markSent([third, first])
  t.match(await cache.dirty(), { unsent: 0, sent: 3 }, 'marking again changes nothing')
})

t.test('what was settled before its confirm came is not marked again by it', async (t) => {
  const { cache } = await newCache()
  const order = firstOrder()
  await cache.accept(order)
  t.equal(await cache.settle([order]), 1)
  await cache.markSent([order])
  t.match(await cache.dirty(), { unsent: 0, sent: 0, oldest_ms: 0 })
})

t.test('many ids are read in the order asked for, over all buckets, tombstones and gaps included', async (t) => {
  const { cache } = await newCache()
  const all = Array.from({ length: 200 }, () => firstOrder())
  await Promise.all(all.map((order) => cache.accept(order)))
  const [one] = all
  if (one === undefined) throw new Error('none')
  const gone = deletedOrder(one)
  await cache.accept(gone, baseOf(one))
  const missing = newId()
  const asked = [missing, ...all.map(({ id }) => id).reverse(), one.id]
  const found = await cache.readMany(asked)
  t.equal(found[0], undefined)
  t.same(
    found.slice(1).map((entry) => entry?.id),
    asked.slice(1),
  )
  t.match(found.at(-1), { version: 2, deleted: true, hash: gone.hash })
  t.same(await cache.readMany([]), [])
})

t.test('dirty counts both marks, and tells the age of the oldest by the clock of Redis', async (t) => {
  const { cache, keys } = await newCache()
  const [a, b, c] = [firstOrder(), firstOrder(), firstOrder()]
  for (const order of [a, b, c]) await cache.accept(order)
  await cache.markSent([c])
  const [seconds = 0] = (await redis.time()).map(Number)
  await redis.zadd(keys.unsent(bucketOf(a.id)), (seconds - 120) * 1_000, `${a.id}:1`)
  await redis.zadd(keys.sent(bucketOf(c.id)), (seconds - 300) * 1_000, `${c.id}:1`)
  const { unsent, sent, oldest_ms } = await cache.dirty()
  t.same({ unsent, sent }, { unsent: 2, sent: 1 })
  t.ok(oldest_ms >= 300_000 && oldest_ms < 330_000, `${oldest_ms} ms`)
  t.same(await cache.marksOlderThan('unsent', 60_000, 100), [{ id: a.id, version: 1 }])
  t.same(await cache.marksOlderThan('sent', 60_000, 100), [{ id: c.id, version: 1 }])
  t.same(await cache.marksOlderThan('sent', 600_000, 100), [])
  const every = await cache.marksOlderThan('unsent', 0, 100)
  t.same(new Set(every.map(({ id }) => id)), new Set([a.id, b.id]))
})

t.test('never more marks are given than were asked for, of a bucket the oldest first', async (t) => {
  const { cache, keys } = await newCache()
  const all = Array.from({ length: 300 }, () => firstOrder())
  await Promise.all(all.map((order) => cache.accept(order)))
  t.equal((await cache.marksOlderThan('unsent', 0, 100)).length, 100)
  const [one] = all
  if (one === undefined) throw new Error('none')
  await redis.zadd(keys.unsent(bucketOf(one.id)), 1, `${one.id}:1`)
  const first = await cache.marksOlderThan('unsent', 0, buckets)
  t.same(
    first.find(({ id }) => bucketOf(id) === bucketOf(one.id)),
    { id: one.id, version: 1 },
  )
})

t.test('marks become sent, however many there are at once', async (t) => {
  const { cache } = await newCache()
  const all = Array.from({ length: 1_203 }, () => firstOrder())
  await Promise.all(all.map((order) => cache.accept(order)))
  await cache.markSent(all)
  t.match(await cache.dirty(), { unsent: 0, sent: all.length })
})
